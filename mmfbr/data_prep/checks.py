"""Whether images and masks are what they should be, from their bytes, before anything is written."""
from io import BytesIO

import numpy as np
from PIL import Image

from mmfbr.files import InputError

IGNORE = 255
ORIENTATION = 0x0112  # of EXIF; 5 to 8 lie on their side
UNDECODABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def check_image(data, what):
    """(width, height) of an encoded image, upright as its EXIF says; raises InputError unless it decodes to its end."""
    try:
        with Image.open(BytesIO(data)) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
            image.draft('L', (1, 1))  # a JPEG is read whole but computed at an eighth of its size
            image.load()
    except UNDECODABLE as error:
        raise InputError(f'The image {what} cannot be decoded ({error}). Replace the file.') from error
    return (height, width) if turned else (width, height)


def check_mask(data, what, num_classes, size=None):
    """The class indices (H, W) uint8 of an encoded mask.

    Args:
        data (bytes): the file.
        what (str): its name in messages.
        num_classes (int): indices must be below it, or 255.
        size (tuple[int, int] | None): (width, height) of its image.

    Raises:
        InputError: it is damaged, in colours, of another size, or has indices that are no class.
    """
    try:
        with Image.open(BytesIO(data)) as image:
            mode, mask = image.mode, np.asarray(image)
    except UNDECODABLE as error:
        raise InputError(f'The mask {what} cannot be decoded ({error}). Replace the file.') from error
    if mode not in ('P', 'L'):
        raise InputError(f'The mask {what} has mode {mode}; class indices need a palette (P) or 8-bit grey (L) PNG. '
                         'Convert colours to indices first.')
    check_indices(mask, what, num_classes, size)
    return mask


def check_indices(mask, what, num_classes, size=None):
    """Raises InputError unless the array ``mask`` (H, W) has ``size`` and indices below ``num_classes``, or 255."""
    if size is not None and mask.shape != (size[1], size[0]):
        raise InputError(f'The mask {what} has {mask.shape[1]} x {mask.shape[0]} pixels, its image {size[0]} x '
                         f'{size[1]}.')
    wrong = [int(index) for index in np.unique(mask) if index >= num_classes and index != IGNORE]
    if wrong:
        raise InputError(f'The mask {what} has the values {", ".join(map(str, wrong[:5]))}'
                         f'{", ..." if len(wrong) > 5 else ""}; class indices go from 0 to {num_classes - 1}, and 255 '
                         'is ignored.')
