"""Instance masks in COCO's files: reads ground truth and predictions, checks that they belong together, scores them."""
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from mmfbr.evaluation.instance_ap import THRESHOLDS, InstanceScores, average_precisions
from mmfbr.files import InputError, check_names, read_json
from mmfbr.run_lengths import check_size, coco_masks, run_lengths


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth of a COCO annotation file.

    Attributes:
        path: where it was read.
        categories: {category id: name}, by id.
        images: {image id: (height, width)}, by id.
        names: {image's file name without its ending: image id}; also without its folder, where that is one image.
        instances: {(image id, category id): [(run lengths, crowd or not, counted or not)]}.
    """
    path: Path
    categories: dict
    images: dict
    names: dict
    instances: dict


def read_truth(path):
    """The ``Truth`` of a file; an annotation with ``iscrowd``, ``ignore`` or ``difficult`` does not count.

    A mask without a pixel cannot be found and is left out.

    Raises:
        InputError: the file is missing or no COCO annotation file, names ids that it lacks, or has no mask that counts.
    """
    content = _annotation_file(path, 'The ground truth')
    images, what = {}, f'the ground truth {path}'
    for image in sorted(content['images'], key=lambda image: _order(_id(image, 'id', what))):
        images[image['id']] = _of(image, 'height', what), _of(image, 'width', what)
        check_size(*images[image['id']], f'image {image["id"]} of {what}')
    categories = {_id(entry, 'id', what): _id(entry, 'name', what, (str,)) for entry in content['categories']}
    categories = {identity: categories[identity] for identity in sorted(categories, key=_order)}
    instances = defaultdict(list)
    for item in content['annotations']:
        key = _id(item, 'image_id', what), _id(item, 'category_id', what)
        name = f'annotation {item.get("id")} of {what}'
        _known(key, images, categories, name, 'Take it out, or add what it names.')
        runs = run_lengths(_of(item, 'segmentation', name), *images[key[0]], name)
        if runs is not None and coco_masks().area(runs):
            crowd = bool(item.get('iscrowd', 0))
            instances[key].append((runs, crowd, not (crowd or item.get('ignore') or item.get('difficult'))))
    if not any(counted for found in instances.values() for _, _, counted in found):
        raise InputError(f'The ground truth {path} holds no mask that counts. Give the file of annotated images.')
    named = {_bare(image, f'The ground truth {path}'): image['id'] for image in content['images']
             if 'file_name' in image}
    stems = Counter(name.stem for name in named)
    short = {name.stem: identity for name, identity in named.items() if stems[name.stem] == 1}
    full = {str(name): identity for name, identity in named.items()}
    return Truth(Path(path), categories, images, short | full, dict(instances))


def read_predictions(path, truth):
    """[(image id, category id, score, run lengths)] of a COCO result list, or of an annotation file with scores.

    An annotation file names its images and categories: they are those of the truth with the same file name and name,
    whatever the ids. The ids of a result list are the truth's.

    Raises:
        InputError: the file is missing, empty or neither kind; a prediction has no score, is of an image or category
            that the truth does not have, or has a mask of another size.
    """
    content = read_json(path, 'The predictions')
    image_of, category_of = _translations(content, path, truth)
    items = content['annotations'] if isinstance(content, dict) else content
    if not items:
        raise InputError(f'The predictions {path} hold no mask. Make them again with a lower score threshold.')
    found = []
    for index, item in enumerate(items):
        name = f'prediction {index} of {path}'
        key = image_of(_id(item, 'image_id', name)), category_of(_id(item, 'category_id', name))
        _known(key, truth.images, truth.categories, name,
               f'Score it against the ground truth of its images and classes; {truth.path} is not.')
        score = _of(item, 'score', name)
        if type(score) not in (int, float) or not abs(score) <= sys.float_info.max:
            raise InputError(f'The score of {name} is {score!r}; it must be a finite number.')
        runs = run_lengths(_of(item, 'segmentation', name), *truth.images[key[0]], name)
        if runs is not None:
            found.append((*key, score, runs))
    return found


def score_instances(truth, predictions, thresholds=THRESHOLDS, convention='voc'):
    """``InstanceScores`` of ``predictions`` [(image id, category id, score, segmentation)] against a ``Truth``.

    Raises:
        InputError: a mask has another size than its image.
    """
    grouped = defaultdict(list)
    for image, category, score, outline in predictions:
        runs = run_lengths(outline, *truth.images[image], f'a prediction for image {image}')
        if runs is not None:
            grouped[image, category].append((score, runs))
    ap = [average_precisions([_case(truth.instances.get((image, category), []), grouped.get((image, category), []))
                              for image in truth.images], thresholds, convention) for category in truth.categories]

    def per_class(groups, wanted=lambda mask: True):
        return np.array([sum(wanted(mask) for (_, owner), masks in groups.items() if owner == category
                             for mask in masks) for category in truth.categories])

    return InstanceScores(list(truth.categories.values()), tuple(thresholds), np.stack(ap, axis=1),
                          per_class(truth.instances, lambda mask: mask[2]), per_class(grouped))


def evaluate_instances(pred, gt, thresholds=THRESHOLDS, convention='voc'):
    """What ``tools/eval_instances.py`` prints: the ``InstanceScores`` of a file against another."""
    truth = read_truth(gt)
    return score_instances(truth, read_predictions(pred, truth), thresholds, convention)


def _case(truths, predictions):
    """Scores (D,), overlaps (D, G), counted (G,) of an image and class; the overlap with a crowd is the part of the
    prediction that lies in it."""
    ious = np.zeros((len(predictions), len(truths)))
    if ious.size:
        ious[:] = coco_masks().iou([runs for _, runs in predictions], [runs for runs, _, _ in truths],
                                    [int(crowd) for _, crowd, _ in truths])
    return (np.array([score for score, _ in predictions], float), ious,
            np.array([counted for _, _, counted in truths], bool))


def _translations(content, path, truth):
    """Functions from the ids of a predictions file to those of the truth; what it does not have maps to a text."""
    if isinstance(content, list):
        return (lambda image: image), (lambda category: category)
    _annotation_file(path, 'The predictions')
    names = {name: identity for identity, name in truth.categories.items()}
    images = {_id(image, 'id', path): _image_of(_bare(image, f'The predictions {path}'), truth)
              for image in content['images'] if 'file_name' in image}
    categories = {_id(entry, 'id', path): names.get(_id(entry, 'name', path, (str,)), entry['name'])
                  for entry in content['categories']}
    return (lambda image: images.get(image, image)), (lambda category: categories.get(category, category))


def _bare(image, what):
    name = _id(image, 'file_name', what, (str,))
    check_names([name], what)
    return PurePosixPath(name).with_suffix('')


def _image_of(name, truth):
    return truth.names.get(str(name), truth.names.get(name.stem, str(name)))


def _annotation_file(path, what):
    content = read_json(path, what)
    kinds = ('images', 'categories', 'annotations')
    if not isinstance(content, dict) or not all(
            isinstance(content.get(kind), list) and all(isinstance(entry, dict) for entry in content[kind])
            for kind in kinds):
        raise InputError(f'{what} {path} is no COCO annotation file, which is a dictionary with the lists images, '
                         'categories and annotations, of dictionaries each.')
    return content


def _of(entry, key, what):
    if not isinstance(entry, dict) or key not in entry:
        raise InputError(f'An entry has no {key!r}: {what}. Write the file again with it.')
    return entry[key]


def _id(entry, key, what, kinds=(int, str)):
    value = _of(entry, key, what)
    if type(value) not in kinds or value == '':
        raise InputError(f'The {key!r} of an entry is {value!r}: {what}. It must be '
                         f'{"text" if kinds == (str,) else "a whole number or text"}.')
    return value


def _order(identity):
    return isinstance(identity, str), identity


def _known(key, images, categories, what, remedy):
    for value, known, kind in zip(key, (images, categories), ('image', 'category'), strict=True):
        if value not in known:
            raise InputError(f'{what} is of {kind} {value!r}, which the ground truth does not have. {remedy}')
