"""Reads and writes images, masks and maps: whole or not at all, with errors that name the file and the remedy."""
import numpy as np
from PIL import Image, ImageOps

from .files import InputError, atomic_path, existing

IGNORE = 255  # the label of pixels that do not count, in VOC's masks and all others
ORIENTATION = 0x0112  # of EXIF; 5 to 8 lie on their side
# Pillow hands some of its other formats to programs of the machine, as EPS to Ghostscript.
FORMATS = ('BMP', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP')
LARGEST_IMAGE = 178_956_970  # pixels; Pillow decodes no larger one
LARGEST_ARRAYS = 1 << 29  # bytes, unpacked


def open_image(source):
    """``Image.open`` of a path or binary stream for the formats that Pillow decodes by itself."""
    return Image.open(source, formats=FORMATS)


def read_image(path):
    """RGB image as (H, W, 3) uint8, turned as its EXIF says; raises InputError when missing or not decodable."""
    path = existing(path, 'The image')
    try:
        with open_image(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert('RGB'))  # upright, as mmcv loads it
    except Exception as error:  # Pillow's decoders raise a dozen kinds
        raise InputError(f'The image {path} cannot be decoded ({error}). Replace the file or take it off the '
                         'list.') from error


def upright_size(image):
    """(height, width) of an open Pillow image, turned as its EXIF says; decodes nothing."""
    width, height = image.size
    return (width, height) if image.getexif().get(ORIENTATION) in (5, 6, 7, 8) else (height, width)


def image_size(path):
    """(height, width) of an image as ``read_image`` gives it, from its header alone."""
    try:
        with open_image(path) as image:
            return upright_size(image)
    except Exception:
        return read_image(path).shape[:2]  # it knows the sentence


def read_mask(path):
    """Label mask (H, W) uint8 from a palette or 8-bit grey PNG; raises InputError for anything else."""
    return decode_mask(existing(path, 'The mask'), path, 'Write it again.')


def decode_mask(source, what, remedy):
    """``read_mask`` of a path or binary stream ``source`` that messages call ``what``."""
    try:
        with open_image(source) as image:
            mode, mask = image.mode, np.asarray(image)
    except Exception as error:  # as of ``read_image``
        raise InputError(f'The mask {what} cannot be decoded ({error}). {remedy}') from error
    if mode not in ('P', 'L'):
        raise InputError(f'The mask {what} has mode {mode}; class indices need a palette (P) or 8-bit grey (L) PNG. '
                         'Convert colours to indices first.')
    return mask


def read_saliency(path, size):
    """Saliency map (H, W) uint8, 255 the most salient, from an 8-bit grey PNG of the ``size`` (height, width) of its
    image; raises InputError for anything else."""
    path = existing(path, 'The saliency map')
    try:
        with open_image(path) as image:
            mode, saliency = image.mode, np.asarray(image)
    except Exception as error:  # as of ``read_image``
        raise InputError(f'The saliency map {path} cannot be decoded ({error}). Write it again.') from error
    if mode != 'L':
        raise InputError(f'The saliency map {path} has mode {mode}; saliency from 0 to 255 needs an 8-bit grey (L) '
                         'PNG.')
    if saliency.shape != tuple(size[:2]):
        raise InputError(f'The saliency map {path} has {saliency.shape[1]} x {saliency.shape[0]} pixels, its image '
                         f'{size[1]} x {size[0]}. Write it again at the size of the image.')
    return saliency


def write_saliency(path, saliency):
    """Writes ``saliency`` (H, W) in [0, 1] as an 8-bit grey PNG."""
    image = Image.fromarray(np.rint(np.clip(saliency, 0, 1) * 255).astype(np.uint8))
    with atomic_path(path) as temporary:
        image.save(temporary, format='PNG')


def check_mask_values(mask, what, num_classes=None, size=None, remedy=''):
    """Raises InputError unless the array ``mask`` (H, W) has the ``size`` (height, width) of its image and indices
    below ``num_classes``, or 255; None: not checked. ``remedy`` is the last sentence about a wrong size."""
    if size is not None and mask.shape != tuple(size):
        raise InputError(f'The mask {what} has {mask.shape[1]} x {mask.shape[0]} pixels, its image {size[1]} x '
                         f'{size[0]}.{remedy and " "}{remedy}')
    if num_classes is None:
        return
    wrong = [index for index in np.unique(mask).tolist() if not 0 <= index < num_classes and index != IGNORE]
    if wrong:
        raise InputError(f'The mask {what} has the values {", ".join(map(str, wrong[:5]))}'
                         f'{", ..." if len(wrong) > 5 else ""}; class indices go from 0 to {num_classes - 1}, and 255 '
                         'is ignored.')


def write_mask(path, mask, palette):
    """Writes the (H, W) uint8 ``mask`` as a PNG with ``palette``, a sequence of up to 256 (r, g, b) triples; values
    beyond them get VOC's colours."""
    mask, palette = np.ascontiguousarray(mask, np.uint8), list(palette)
    if mask.size and mask.max() >= len(palette):  # Pillow writes as few bits a pixel as the palette needs, and cuts off
        palette += voc_palette()[len(palette):]
    image = Image.fromarray(mask)
    image.putpalette([int(v) for colour in palette for v in colour])
    with atomic_path(path) as temporary:
        image.save(temporary, format='PNG')


def write_cam(path, cam, classes):
    """Writes a CAM file: ``cam`` (K, H, W) in [0, 1] as float16 and the class index of each of its K maps."""
    with atomic_path(path) as temporary, open(temporary, 'wb') as stream:
        np.savez_compressed(stream, cam=np.asarray(cam, np.float16), classes=np.asarray(classes, np.int64))


def read_cam(path):
    """(cam (K, H, W) float32, classes (K,) int64) of a CAM file; never unpickles. Raises InputError when unreadable."""
    cam, classes = _read_arrays(path, 'The CAM file', ('cam', np.float32), ('classes', np.int64))
    if cam.ndim != 3 or classes.shape != cam.shape[:1]:
        raise InputError(f'The CAM file {path} cannot be read (shapes {cam.shape} and {classes.shape} where (K, H, W) '
                         'and (K,) are needed). Delete it and make it again.')
    return cam, classes


def write_relations(path, boundary, displacements):
    """Writes a file of an image's relations: ``boundary`` (1, h, w) and ``displacements`` (2, h, w) as float16."""
    with atomic_path(path) as temporary, open(temporary, 'wb') as stream:
        np.savez_compressed(stream, boundary=np.asarray(boundary, np.float16),
                            displacements=np.asarray(displacements, np.float16))


def read_relations(path):
    """(boundary (1, h, w), displacements (2, h, w)), float32, of such a file; never unpickles. Raises InputError when
    unreadable."""
    kinds = ('boundary', np.float32), ('displacements', np.float32)
    boundary, displacements = _read_arrays(path, 'The file of relations', *kinds)
    if boundary.ndim != 3 or len(boundary) != 1 or displacements.shape != (2, *boundary.shape[1:]):
        raise InputError(f'The file of relations {path} holds shapes {boundary.shape} and {displacements.shape}, not '
                         '(1, h, w) and (2, h, w). Delete it and make it again.')
    return boundary, displacements


def _read_arrays(path, what, *kinds):
    existing(path, what)
    try:
        with np.load(path, allow_pickle=False) as content:
            unpacked = sum(member.file_size for member in content.zip.infolist())
            if unpacked > LARGEST_ARRAYS:
                raise ValueError(f'it unpacks to {unpacked} bytes; at most {LARGEST_ARRAYS} are read')
            arrays = [content[name] for name, _ in kinds]
        if any(array.dtype.kind not in 'fiu' for array in arrays):
            raise ValueError(f'{" and ".join(str(array.dtype) for array in arrays)} where real numbers are needed')
    except Exception as error:  # a damaged archive raises from zipfile, zlib, struct and numpy, a dozen kinds in all
        raise InputError(f'{what} {path} cannot be read ({error}). Delete it and make it again.') from error
    return [array.astype(kind) for array, (_, kind) in zip(arrays, kinds, strict=True)]


def voc_palette(count=256):
    """The PASCAL VOC colour map: ``count`` (r, g, b) tuples, index 0 black, index 255 the void border's cream."""
    colours = []
    for index in range(count):
        rgb, bits = [0, 0, 0], index
        for shift in range(7, -1, -1):
            for channel in range(3):
                rgb[channel] |= ((bits >> channel) & 1) << shift
            bits >>= 3
        colours.append(tuple(rgb))
    return colours
