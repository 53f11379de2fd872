"""COCO annotation files of instances, for pycocotools and mmdet's CocoDataset."""
import json

import numpy as np

from mmfbr.files import atomic_path
from mmfbr.run_lengths import coco_masks


def categories(classes, bg_index=0):
    """[{id, name, supercategory}, ...]: ids from 1 in the order of ``classes``, without the background."""
    names = [name for index, name in enumerate(classes) if index != bg_index]
    return [dict(id=number, name=name, supercategory='object') for number, name in enumerate(names, 1)]


def category_id(class_index, bg_index=0):
    """The id in ``categories`` of a class: its index, where the background is class 0."""
    return class_index + (class_index < bg_index)


def annotation(mask, category, image, number, score):
    """One entry of ``annotations``.

    Args:
        mask (ndarray): (H, W) bool, at least one pixel.
        category, image, number (int): ids of its category, its image, and its own.
        score (float): in [0, 1], rounded to 6 digits.

    Returns:
        dict: with compressed run lengths as text, and the box [x, y, width, height] around the mask's pixels.
    """
    run_lengths = coco_masks()
    runs = run_lengths.encode(np.asfortranarray(mask, np.uint8))
    box, area = run_lengths.toBbox(runs).tolist(), int(run_lengths.area(runs))
    return dict(id=number, image_id=image, category_id=category,
                segmentation=dict(size=list(mask.shape), counts=runs['counts'].decode('ascii')), bbox=box, area=area,
                iscrowd=0, score=round(score, 6))


def write_coco(path, info, images, categories, annotations):
    """Writes a COCO file whole or not at all, an entry a line; the same content gives the same bytes.

    Args:
        path (str | Path): the file.
        info (dict): says what it is.
        images, categories, annotations (list[dict]): the entries, in order.
    """
    with atomic_path(path) as temporary, open(temporary, 'w', encoding='utf-8') as stream:
        stream.write(f'{{\n"info": {json.dumps(info)},\n"licenses": []')
        for key, entries in dict(images=images, categories=categories, annotations=annotations).items():
            stream.write(f',\n"{key}": [')
            for number, entry in enumerate(entries):
                stream.write((',\n' if number else '\n') + json.dumps(entry))
            stream.write('\n]')
        stream.write('\n}\n')
