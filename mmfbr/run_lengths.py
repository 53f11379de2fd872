"""Masks as COCO's run lengths; pycocotools is imported when the first one is needed."""
import numpy as np

from mmfbr.files import InputError
from mmfbr.image_files import LARGEST_IMAGE


def coco_masks():
    """The module ``pycocotools.mask``; raises InputError that says what to install."""
    try:
        from pycocotools import mask
    except ImportError as error:
        raise InputError('COCO masks need pycocotools: pip install pycocotools') from error
    return mask


def run_lengths(outline, height, width, what):
    """dict(size=[height, width], counts=bytes) of a COCO ``segmentation``; None for polygons without area.

    Args:
        outline (list | dict): polygons, or run lengths as a list, text or bytes.
        height, width (int): size of the image.
        what (str): how messages call it.

    Raises:
        InputError: as ``check_outline``.
    """
    check_outline(outline, height, width, what)
    coco = coco_masks()
    if isinstance(outline, list):
        # Four numbers would be taken for a box, and a triangle has six.
        polygons = [polygon for polygon in outline if len(polygon) >= 6]
        return coco.merge(coco.frPyObjects(polygons, height, width)) if polygons else None
    counts = outline['counts']
    if isinstance(counts, list):
        return coco.frPyObjects(dict(size=[height, width], counts=counts), height, width)
    return dict(size=[height, width], counts=_as_bytes(counts))


def check_outline(outline, height, width, what):
    """Checks what pycocotools takes on trust: its C code writes beyond its memory, or fills all of it, where corners or
    counts are not what they should be. Arguments as of ``run_lengths``.

    Raises:
        InputError: it has another size, covers more or less than the image, has corners far away from it, or is neither
            polygons nor run lengths.
    """
    check_size(height, width, f'the image of {what}')
    try:
        if isinstance(outline, list):
            for polygon in outline:
                _check_polygon(polygon, height, width)
            return
        if list(outline['size']) != [height, width]:
            raise InputError(f'The run lengths of {what} are of size {list(outline["size"])}, its image of '
                             f'{[height, width]} (height, width).')
        counts = outline['counts']
        if not isinstance(counts, list):
            counts = _decompressed(_as_bytes(counts))
        _check_counts(counts, height * width)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f'The segmentation of {what} is neither polygons nor run lengths with size and counts '
                         f'({error}).') from error


def check_size(height, width, what):
    """Raises InputError unless ``height`` and ``width`` are those of an image that fits into memory."""
    if not all(type(side) is int and side > 0 for side in (height, width)) or height * width > LARGEST_IMAGE:
        raise InputError(f'The height and width of {what} are {height!r} and {width!r}; they must be '
                         f'whole numbers, and at most {LARGEST_IMAGE} pixels.')


def _check_polygon(polygon, height, width):
    if not isinstance(polygon, list) or len(polygon) % 2 or not {*map(type, polygon)} <= {int, float}:
        raise ValueError('a polygon is a list x, y, x, y, ... of numbers')
    corners, reach = np.array(polygon, float).reshape(-1, 2), 10 * max(height, width)
    if not (np.abs(corners) <= reach).all():  # nor NaN
        raise ValueError(f'a polygon has a corner further than {reach} from the first pixel')
    # Each step of the way around takes memory. No outline needs more of them than there are sides of pixels.
    if np.abs(np.diff(corners, axis=0, append=corners[:1])).max(1).sum() > 4 * height * width + 4 * reach:
        raise ValueError('a polygon is longer than all sides of all pixels together')


def _check_counts(counts, pixels):
    counts = np.asarray(counts)
    # A sum of many may wrap around to the right one.
    if counts.dtype.kind not in 'iu' or counts.ndim != 1 or counts.min() < 0 or counts.sum(dtype=float) != pixels:
        raise ValueError(f'the run lengths do not add up to the {pixels} pixels of the image')


def _as_bytes(counts):
    if not isinstance(counts, str | bytes):
        raise TypeError('the counts are neither a list nor text')
    return counts.encode() if isinstance(counts, str) else counts


def _decompressed(text):
    """The counts in COCO's compressed form: each a group of six-bit characters, five bits and whether more follow, the
    lowest first and signed; from the fourth on it is the difference to the one two before."""
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    last = np.flatnonzero(codes & 32 == 0)
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or last[-1:].tolist() != [len(codes) - 1]:
        raise ValueError('the compressed run lengths are damaged')
    first = np.append(0, last[:-1] + 1)
    place = np.arange(len(codes)) - np.repeat(first, last - first + 1)
    if place.max() > 6:
        raise ValueError('the compressed run lengths hold a number beyond 32 bits')
    counts = np.add.reduceat((codes & 31) << 5 * place, first)
    counts -= np.where(codes[last] & 16, 1 << 5 * (place[last] + 1), 0)
    for start in (1, 2):
        counts[start::2] = np.cumsum(counts[start::2])
    return counts
