"""Reads the `.mat` files of SBD: masks of classes (`cls`) and of instances (`inst`)."""
import zlib
from io import BytesIO
from struct import unpack_from

import numpy as np

from mmfbr.files import InputError
from mmfbr.image_files import check_mask_values, image_size

HEADER, PACKED = 128, 15  # bytes before the first part of a file; the kind of a part that is compressed
LARGEST = 1 << 27  # bytes that a part may unpack to; a mask of VOC has less than a hundredth


def class_mask(member, image, num_classes):
    """Class indices (H, W) uint8 of a file of ``cls``; raises InputError unless it is one, of the size of ``image``."""
    mask, = _read(member, image, 'GTcls', 'Segmentation')
    check_mask_values(mask, member.what, num_classes, image_size(image))
    return mask.astype(np.uint8)


def instance_masks(member, image, num_classes):
    """[(class index, mask (H, W) bool)] of a file of ``inst``; raises InputError as ``class_mask``."""
    mask, categories = _read(member, image, 'GTinst', 'Segmentation', 'Categories')
    check_mask_values(mask, member.what, None, image_size(image))
    categories, numbers = categories.ravel().astype(int).tolist(), [n for n in np.unique(mask).tolist() if n]
    if not {*numbers} <= {*range(1, len(categories) + 1)} or not all(0 < c < num_classes for c in categories):
        raise InputError(f'{member.what} has the instances {numbers} and the categories {categories}; each instance '
                         f'needs one from 1 to {num_classes - 1}. Fetch the archive again.')
    return [(categories[number - 1], mask == number) for number in numbers]


def _read(member, image, struct, *fields):
    """Arrays of a struct of a `.mat` file, the first of them a mask (H, W) of whole numbers."""
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise InputError('The masks of SBD are .mat files, which need scipy: pip install scipy') from error
    data = member.read()
    try:
        _check_size(data)
        content = loadmat(BytesIO(data), variable_names=[struct])[struct][0, 0]
        found = [np.asarray(content[field]) for field in fields]
        if found[0].ndim != 2 or found[0].dtype.kind not in 'ui':
            raise ValueError(f'Segmentation is {found[0].dtype} of shape {found[0].shape}')
    except Exception as error:  # scipy raises a dozen kinds for what is no .mat file
        raise InputError(f'{member.what} is no mask of SBD, a .mat file with {struct}.{" and ".join(fields)} '
                         f'({error!r}). Fetch the archive again.') from error
    if not image.exists():
        raise InputError(f'{member.what} is the mask of an image that VOC 2012 does not have: {image} is missing.')
    return found


def _check_size(data):
    """Raises ValueError for a `.mat` file of which a part unpacks to more than ``LARGEST`` bytes; scipy would do it."""
    order, position = '<' if data[HEADER - 2:HEADER] == b'IM' else '>', HEADER
    while position + 8 <= len(data):
        kind, size = unpack_from(f'{order}II', data, position)
        if kind == PACKED:
            unpacker = zlib.decompressobj()
            unpacker.decompress(data[position + 8:position + 8 + size], LARGEST)
            if unpacker.unconsumed_tail:
                raise ValueError(f'it unpacks to more than {LARGEST} bytes')
        position += 8 + size
