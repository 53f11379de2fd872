"""Whether images and masks are what they should be, from their bytes, before anything is written."""
from io import BytesIO

from mmfbr.files import InputError
from mmfbr.image_files import check_mask_values, decode_mask, open_image, upright_size


def check_image(data, what):
    """(width, height) of an encoded image, upright as its EXIF says; raises InputError unless it decodes to its end."""
    try:
        with open_image(BytesIO(data)) as image:
            height, width = upright_size(image)
            image.draft('L', (1, 1))  # a JPEG is read whole but computed at an eighth of its size
            image.load()
    except Exception as error:  # as of ``read_image``
        raise InputError(f'The image {what} cannot be decoded ({error}). Replace the file.') from error
    return width, height


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
    mask = decode_mask(BytesIO(data), what, 'Replace the file.')
    check_mask_values(mask, what, num_classes, size and size[::-1])
    return mask
