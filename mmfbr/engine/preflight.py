"""Finds what is wrong with a config before training starts."""
import os

from mmfbr.files import InputError, read_lines
from mmfbr.models.fbr_detector import HEADS

from .load import check_fit, check_model_fit, load_state
from .preflight_fbr import check_fbr, class_names, heads
from .preflight_instances import check_instances

# What transformers stretch to their size when they load it.
RESIZED = ('pos_embed', 'relative_position_bias_table')
LISTED = ('BaseSegDataset', 'PascalVOCDataset', 'ImageLabelDataset')  # whose files are a list's ids and an ending


def check_config(cfg):
    """Raises InputError for what would fail, or go wrong silently, in a training of ``cfg``.

    Checked: the files of pretrained backbones and of ``load_from`` exist, fit the network and hold no code; heads and
    training data agree on the number of classes; images and masks of mmseg's data sets are there, and mmdet's COCO
    files fit their images and the config; an FBRNeck is read by an FBRLoss in a head that calls it. (mmengine logs a
    checkpoint without a matching key, or with tensors of another shape, and trains on from random weights.)
    """
    from mmengine.registry import MODELS, init_default_scope
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    model = cfg.get('model') or {}
    _check_classes(model, cfg)
    check_fbr(model)
    for part in ('train', 'val'):
        _check_masks(_innermost(cfg, part), f'{part}_dataloader.dataset')
    check_instances(cfg, _innermost, _classes)
    for key, part, init in _pretrained(model.get('backbone') or {}, 'model.backbone'):
        what = f'The pretrained weights ({key}.init_cfg.checkpoint)'
        state = load_state(init['checkpoint'], what)
        if init.get('prefix'):
            prefix = init['prefix'].rstrip('.') + '.'
            state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        state = {name: value for name, value in state.items() if not name.endswith(RESIZED)}
        check_fit(state, MODELS.build(part).state_dict(), f'{what} {init["checkpoint"]}')
    start = cfg.get('load_from')
    if start and _is_local(start):
        check_model_fit(load_state(start, 'The checkpoint (load_from)'), MODELS.build(model),
                        f'The checkpoint (load_from) {start}')


def _pretrained(part, key):
    """(key, config, init_cfg) of a backbone, and of the networks inside it, that start from a file."""
    init = part.get('init_cfg') or {}
    if isinstance(init, dict) and init.get('type') == 'Pretrained' and _is_local(init['checkpoint']):
        yield key, part, init
    for name, inner in part.items():
        if isinstance(inner, dict) and 'type' in inner and name != 'init_cfg':
            yield from _pretrained(inner, f'{key}.{name}')


def _is_local(path):
    return '://' not in path


def _check_classes(model, cfg):
    classes = _classes(_innermost(cfg, 'train'))
    for name, head in heads(model):
        if name.startswith('auxiliary_head') and 'FBRHead' not in class_names(head):
            continue  # they may have other labels, as STDC's boundaries
        if classes and head.get('num_classes') not in (None, len(classes)):
            raise InputError(f'model.{name}.num_classes is {head["num_classes"]}, but the training data has '
                             f'{len(classes)} classes (background included where there is one). Set num_classes to it.')
    for name, number in _detector_classes(model):
        if classes and number != len(classes):
            raise InputError(f'model.{name} has {number} classes, but the training data has {len(classes)}. Set '
                             'num_classes of every head, or metainfo.classes of the data sets, so that they agree.')


def _detector_classes(model):
    """(key, number of classes) of the heads of a detector's config that state one; a panoptic head adds its stuff."""
    for key in HEADS:
        head = model
        for part in key.split('.'):
            head = (head or {}).get(part)
        for stage in head if isinstance(head, (list, tuple)) else [head or {}]:
            if 'num_things_classes' in stage:
                yield key, stage['num_things_classes'] + stage.get('num_stuff_classes', 0)
            elif stage.get('num_classes') is not None and not stage.get('class_agnostic'):
                yield key, stage['num_classes']


def _innermost(cfg, part):
    dataset = (cfg.get(f'{part}_dataloader') or {}).get('dataset') or {}
    while 'dataset' in dataset:  # wrappers such as RepeatDataset
        dataset = dataset['dataset']
    return dataset


def _classes(dataset):
    """Those of the config, else those of mmseg's data set itself."""
    from mmengine.registry import DATASETS
    classes = (dataset.get('metainfo') or {}).get('classes')
    if isinstance(classes, str):  # a file with a class a line; a data set with a name that is no file fails by itself
        classes = read_lines(classes, 'The class list (metainfo.classes)')
    if not classes and isinstance(dataset.get('type'), str):
        with DATASETS.switch_scope_and_registry(None) as registry:
            classes = getattr(registry.get(dataset['type']), 'METAINFO', {}).get('classes')
    return classes


def _check_masks(dataset, key):
    """That images and masks of a list exist: a worker would meet the first gap in the middle of the training."""
    prefix, listed = dataset.get('data_prefix') or {}, dataset.get('ann_file')
    if dataset.get('type') not in LISTED or not listed or not {'img_path', 'seg_map_path'} <= {*prefix}:
        return
    root = dataset.get('data_root') or ''
    images = read_lines(os.path.join(root, listed), f'The image list ({key}.ann_file)')
    for name, suffix, what in (('img_path', dataset.get('img_suffix', '.jpg'), 'images'),
                               ('seg_map_path', dataset.get('seg_map_suffix', '.png'), 'masks')):
        folder = os.path.join(root, prefix[name])
        missing = [image for image in images if not os.path.exists(os.path.join(folder, image + suffix))]
        if missing:
            raise InputError(f'{len(missing)} of the {len(images)} {what} of {listed} are not in {folder} '
                             f'({key}.data_prefix.{name}), first {missing[0]}{suffix}. Make them, or correct the '
                             'folder.')
