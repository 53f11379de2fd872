"""Writes a folder of saliency maps for the images of a data set; continues where it stopped."""
from pathlib import Path

import numpy as np

from mmfbr.files import InputError, existing, for_each, read_ids, require_files
from mmfbr.image_files import read_image, read_mask, write_saliency

from .barrier import barrier_saliency

METHODS = ('barrier', 'objects')


def make_saliency(data, method='barrier', out=None, images=None, objects=None, image_list=None, suffix='.jpg',
                  progress=iter):
    """Writes ``ID.png`` for each image; maps that are there are kept. Returns how many were written, and how many kept.

    Args:
        data (str | Path): folder of the data set, in VOC layout.
        method (str): 'barrier', from the image alone; 'objects', 1 on every true object, for data that has them drawn.
        out, images, objects (str | Path | None): folders; None: Saliency, JPEGImages, SegmentationObject in ``data``.
        image_list (str | Path | None): ids, one a line, as given or in ``data``; None: all images.
        suffix (str): ending of the images.

    Raises:
        InputError: for an unknown method, missing files, and, after the others are done, files that cannot be read.
    """
    if method not in METHODS:
        raise InputError(f'The method {method!r} is unknown; use one of {", ".join(METHODS)}.')
    data = existing(data, 'The data set')
    out, images = Path(out or data / 'Saliency'), Path(images or data / 'JPEGImages')
    objects = Path(objects or data / 'SegmentationObject')
    if image_list is None:
        ids = sorted(path.name.removesuffix(suffix) for path in existing(images, 'The folder').glob(f'*{suffix}'))
    else:
        ids = read_ids(image_list if Path(image_list).exists() else data / image_list, 'The image list')
    require_files(*((images, ids, suffix, 'image') if method == 'barrier' else (objects, ids, '.png', 'object mask')))
    missing = [name for name in ids if not (out / f'{name}.png').exists()]

    def make(name):
        if method == 'barrier':
            saliency = barrier_saliency(read_image(images / f'{name}{suffix}'))
        else:
            numbers = read_mask(objects / f'{name}.png')
            saliency = ((numbers > 0) & (numbers < 255)).astype(np.float32)
        write_saliency(out / f'{name}.png', saliency)

    for _ in for_each(missing, make, progress, 'given a saliency map'):
        pass
    return len(missing), len(ids) - len(missing)
