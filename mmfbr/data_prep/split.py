"""Divides labelled images into training and validation."""
from collections import Counter
from hashlib import sha256

from mmfbr.files import InputError, read_ids

from .label_table import image_id
from .place import few


def split_images(labels, fraction, seed=0):
    """(train, val) ids: about ``fraction`` of the images of each class in val, and at most that.

    An image's place hangs on its name and the seed: images that are added leave most others where they are.

    Args:
        labels (dict[str, list[str]]): classes of each image.
        fraction (float): in [0, 1).
        seed (int): another one gives another split.
    """
    if not 0 <= fraction < 1:
        raise InputError(f'The validation fraction is {fraction}; it must be at least 0 and less than 1.')
    kinds = {image: names or [''] for image, names in labels.items()}  # images of no class are shared out too
    counts = Counter(name for names in kinds.values() for name in names)
    left = {name: int(count * fraction) for name, count in counts.items()}
    wanted, val = round(len(labels) * fraction), set()
    for image in sorted(labels, key=lambda image: sha256(f'{seed} {image}'.encode()).digest()):
        if len(val) < wanted and all(left[name] > 0 for name in kinds[image]):
            val.add(image)
            for name in kinds[image]:
                left[name] -= 1
    return [image for image in labels if image not in val], [image for image in labels if image in val]


def read_split(labels, train_list, val_list=None):
    """(train, val) ids of two list files; raises InputError for unknown, repeated and shared ids."""
    paths = [path for path in (train_list, val_list) if path]
    lists = {path: [image_id(line) for line in read_ids(path, 'The image list')] for path in paths}
    for path, images in lists.items():
        unknown = [image for image in images if image not in labels]
        if unknown:
            raise InputError(f'{len(unknown)} images of the list {path} have no labels: {few(unknown)}.')
        twice = [image for image, count in Counter(images).items() if count > 1]
        if twice:
            raise InputError(f'The list {path} names images twice: {few(twice)}.')
    train, val = lists[train_list], lists.get(val_list, [])
    shared = sorted({*train} & {*val})
    if shared:
        raise InputError(f'{len(shared)} images are in {train_list} and in {val_list}: {few(shared)}.')
    return train, val
