"""Masks as COCO's run lengths; pycocotools is imported when the first one is needed."""
from mmfbr.files import InputError


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
        InputError: it has another size, or is neither of these.
    """
    coco = coco_masks()
    try:
        if isinstance(outline, list):
            # Four numbers would be taken for a box, and a triangle has six.
            polygons = [polygon for polygon in outline if len(polygon) >= 6]
            return coco.merge(coco.frPyObjects(polygons, height, width)) if polygons else None
        if list(outline['size']) != [height, width]:
            raise InputError(f'The run lengths of {what} are of size {list(outline["size"])}, its image of '
                             f'{[height, width]} (height, width).')
        counts = outline['counts']
        if isinstance(counts, list):
            return coco.frPyObjects(outline, height, width)
        return dict(size=[height, width], counts=counts.encode() if isinstance(counts, str) else bytes(counts))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f'The segmentation of {what} is neither polygons nor run lengths with size and counts '
                         f'({error!r}).') from error
