"""Finds what is wrong with a detector's config and its COCO files before training starts."""
import logging
import os
from collections import Counter
from importlib.util import find_spec

from mmengine.logging import print_log

from mmfbr.files import InputError, read_json
from mmfbr.run_lengths import check_outline

from .preflight_fbr import class_names

MAKE = 'Make it (pseudo instances: tools/make_instances.py; ground truth: docs/data.md), or correct the path.'


def check_instances(cfg, innermost, classes_of):
    """Raises InputError for what mmdet would drop in silence, or fail at in the middle of a training, with a COCO file.

    Checked for training and validation data: the file exists; its categories are the config's classes in the same order
    (mmdet counts labels in the file's order); annotations name images and categories that it has, and have what the
    pipeline loads; its images exist. Boxes of no size and masks without a pixel, which mmdet leaves out, are counted in
    the log, and so are crowd regions, which it ignores.

    Args:
        cfg (Config): the whole config.
        innermost (Callable): ``innermost(cfg, part)`` gives the data set's config of 'train' or 'val'.
        classes_of (Callable): gives a data set's class names.
    """
    for part in ('train', 'val'):
        dataset = innermost(cfg, part)
        if _is_coco(dataset):
            _check_file(dataset, f'{part}_dataloader.dataset', classes_of(dataset))
    evaluators = cfg.get('val_evaluator') or []
    for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
        path = evaluator.get('ann_file')
        if path and not os.path.exists(path):
            raise InputError(f'The ground truth {path} (val_evaluator.ann_file) does not exist. {MAKE}')
    preprocessor = (cfg.get('model') or {}).get('data_preprocessor') or {}
    if 'BoxInstDataPreprocessor' in class_names(preprocessor) and find_spec('skimage') is None:
        raise InputError('BoxInst compares colours with scikit-image, which is not installed: pip install scikit-image')


def _is_coco(dataset):
    from mmengine.registry import DATASETS
    if not isinstance(dataset.get('type'), str) or not dataset.get('ann_file'):
        return False
    with DATASETS.switch_scope_and_registry(None) as registry:
        kind = registry.get(dataset['type'])
    return any(base.__name__ == 'CocoDataset' for base in getattr(kind, '__mro__', ()))


def _check_file(dataset, key, classes):
    root, prefix = dataset.get('data_root') or '', (dataset.get('data_prefix') or {}).get('img', '')
    path = os.path.join(root, dataset['ann_file'])
    if not os.path.exists(path):
        raise InputError(f'The annotations {path} ({key}.ann_file) do not exist. {MAKE}')
    what = f'The annotations {path} ({key}.ann_file)'
    try:
        _check_content(what, read_json(path, 'The annotations'), os.path.join(root, prefix), key, classes,
                       dataset.get('pipeline') or [])
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f'{what} are no COCO annotation file: {error!r} is missing or not what it should be. Write '
                         'the file again.') from error


def _check_content(what, content, folder, key, classes, pipeline):
    images = {image['id']: image['file_name'] for image in content['images']}
    sizes = {image['id']: (image['height'], image['width']) for image in content['images']}
    categories = {category['id']: category['name'] for category in content['categories']}
    annotations = content['annotations']
    used = Counter(item['category_id'] for item in annotations)
    strangers = [item['image_id'] for item in annotations if item['image_id'] not in images]
    if not images:
        raise InputError(f'{what} name no image. {MAKE}')
    _check_categories(what, categories, used, list(classes or ()))
    if strangers:
        raise InputError(f'{what} have {len(strangers)} annotations of images that they do not list, first of image '
                         f'{strangers[0]!r}. Write the file again.')
    missing = [name for name in images.values() if not os.path.exists(os.path.join(folder, name))]
    if missing:
        raise InputError(f'{what}: {len(missing)} of the {len(images)} images are not in {folder} '
                         f'({key}.data_prefix.img), first {missing[0]}. Get them, or correct the folder.')
    _check_annotations(what, annotations, sizes, pipeline)


def _check_categories(what, categories, used, classes):
    unknown = sorted(str(identity) for identity in used if identity not in categories)
    if unknown:
        raise InputError(f'{what} have annotations of the category {unknown[0]}, which they do not list. Write the '
                         'file again.')
    lost = {name: used[identity] for identity, name in categories.items() if name not in classes and used[identity]}
    if classes and lost:
        name = next(iter(lost))
        raise InputError(f'{what} have {lost[name]} annotations of the category {name!r}, which is no class of the '
                         'config (metainfo.classes); mmdet would drop them in silence. Add the class, or take them '
                         'out.')
    ours = [name for name in categories.values() if name in classes]
    if classes and ours != classes:
        missing = [name for name in classes if name not in ours]
        reason = f'lack the class {missing[0]!r}' if missing else 'have the classes in another order than the config'
        raise InputError(f'{what} {reason}; mmdet counts labels by the categories of the file, so that they must be '
                         'the classes (metainfo.classes) one after the other. Write it with the same list of classes.')


def _check_annotations(what, annotations, sizes, pipeline):
    loads_masks = any(step.get('with_mask') for step in pipeline if isinstance(step, dict))
    counts = Counter()
    for item in annotations:
        if len(item.get('bbox') or ()) != 4 or 'area' not in item:
            raise InputError(f'{what}: annotation {item.get("id")!r} lacks its bbox or its area. Write the file again.')
        thin, empty = min(item['bbox'][2:]) < 1, item['area'] <= 0
        if loads_masks and not item.get('segmentation') and not (thin or empty):
            raise InputError(f'{what}: annotation {item.get("id")!r} has no segmentation, and the pipeline loads '
                             'masks. Give a file of masks, or train a detector that learns from boxes.')
        if loads_masks and item.get('segmentation'):
            check_outline(item['segmentation'], *sizes[item['image_id']], f'annotation {item.get("id")!r} of {what}')
        counts['boxes narrower than a pixel'] += thin
        counts['masks without a pixel'] += empty and not thin
        counts['crowd regions'] += bool(item.get('iscrowd')) and not (thin or empty)
    said = ', '.join(f'{count} {name}' for name, count in counts.items() if count)
    if said:
        print_log(f'{what}: {said}, of {len(annotations)} annotations, do not take part in the training.',
                  'current', logging.WARNING)
