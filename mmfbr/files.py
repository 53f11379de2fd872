"""Reads and writes the files of this package: whole or not at all, with errors that name the file and the remedy."""
import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

IGNORE = 255  # the label of pixels that do not count, in VOC's masks and all others
ORIENTATION = 0x0112  # of EXIF; 5 to 8 lie on their side
# Pillow hands some of its other formats to programs of the machine, as EPS to Ghostscript.
FORMATS = ('BMP', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP')
LARGEST_IMAGE = 178_956_970  # pixels; Pillow decodes no larger one
LARGEST_ARRAYS = 1 << 29  # bytes, unpacked
LONGEST_MESSAGE = 4000  # characters
BREAKS = '\0-\x1f\x7f\x85\u2028\u2029\ud800-\udfff'  # characters that end a line, or are no text
NO_NAME = re.compile(rf'\s*$|[/\\]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)|.*[{BREAKS}]', re.DOTALL)


class InputError(ValueError):
    """Something the user gave cannot be used; the message names it and says what to do.

    A file may put text of any length into it; of a long message the beginning and the end are told.
    """

    def __str__(self):
        text = super().__str__()
        return text if len(text) <= LONGEST_MESSAGE else f'{text[:LONGEST_MESSAGE * 3 // 4]} [...] {text[-400:]}'


@contextmanager
def atomic_path(path):
    """Yields a temporary path in the folder of ``path``; it takes the name ``path`` only when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f'.{path.name}.', suffix='.part', dir=path.parent)
    os.close(handle)
    try:
        yield Path(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def move_files(source, target):
    """Moves the files below the folder ``source`` to the same places below ``target``, each in one step."""
    source, target = Path(source), Path(target)
    for path in sorted(path for path in source.rglob('*') if path.is_file()):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)
    shutil.rmtree(source, ignore_errors=True)


def clear_parts(paths):
    """Deletes the temporary files that a killed run left beside ``paths``; no other process may be writing these."""
    names = {}
    for path in map(Path, paths):
        names.setdefault(path.parent, set()).add(path.name)
    for folder, own in names.items():
        for part in folder.glob('.*.part') if folder.is_dir() else ():
            if part.name[1:].rsplit('.', 2)[0] in own:
                part.unlink(missing_ok=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path, text):
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def write_json(path, content):
    write_text(path, json.dumps(content, indent=1) + '\n')


def existing(path, what):
    """``path`` as a Path; raises InputError with ``what`` (say "the labels file") when there is nothing there."""
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f'{what} {path} does not exist.')
    except OSError as error:  # say, a name that is too long
        raise InputError(f'{what} {path} cannot be looked for ({error.strerror}).') from error
    return path


def _content(path, what):
    try:
        return existing(path, what).read_bytes()
    except OSError as error:
        raise InputError(f'{what} {path} cannot be read ({error.strerror}).') from error


def read_lines(path, what):
    """The non-empty lines of a text file, stripped; raises InputError when missing, not UTF-8, or empty."""
    try:
        lines = [line.strip() for line in _content(path, what).decode('utf-8-sig').splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f'{what} {path} is not a UTF-8 text file ({error.reason}).') from error
    lines = [line for line in lines if line]
    if not lines:
        raise InputError(f'{what} {path} is empty: it must name at least one image.')
    return lines


def read_ids(path, what):
    """``read_lines`` of a list of images, each of them checked as ``check_names`` does."""
    ids = read_lines(path, what)
    check_names(ids, f'{what} {path}')
    return ids


def check_names(names, what):
    """Raises InputError unless the ``names`` that ``what`` (say "the image list L") gives are those of files below a
    folder.

    Names of images become names of the files made of them: one that leads out of its folder has them written anywhere.
    """
    for name in names:
        if NO_NAME.match(name):
            raise InputError(f'{what} names {name!r}. It must be the name of a file below a folder: not empty, not '
                             'absolute, without ".." and without control characters. Correct the name.')


def check_class_names(names, what):
    """Raises InputError for a name that a list of classes, a line each, or a config cannot hold."""
    for name in names:
        # mmengine fills in what stands between double braces, wherever in a config.
        if not isinstance(name, str) or not name.strip() or re.search(f'[{BREAKS}]|{{{{', name):
            raise InputError(f'{what} has the class name {name!r}. A class name is text of one line, without '
                             '"{{". Correct it.')


def require_files(folder, ids, suffix, what):
    """Raises InputError naming the images without a file ID.suffix (``what``, say "mask"), before any is read."""
    if not ids:
        raise InputError('The list of images is empty; give at least one.')
    folder = existing(folder, 'The folder')
    missing = [name for name in ids if not (folder / f'{name}{suffix}').is_file()]
    if missing:
        raise InputError(f'{len(missing)} of {len(ids)} images have no {what} ({suffix}) in {folder}: '
                         f'{_first(missing, ", ")}. Make the missing files or list the images that have them.')


def for_each(ids, function, progress, done):
    """Yields ``function(name)`` of the images; what they refuse is collected, so that one run tells all.

    Raises InputError after the last image, if any could not be ``done`` (say "scored"); names up to ten of them.
    """
    problems = []
    for name in progress(ids):
        try:
            result = function(name)
        except InputError as error:
            problems.append(f'{name}: {error}')
        else:
            yield result
    if problems:
        raise InputError(f'{len(problems)} of {len(ids)} images cannot be {done}.\n' + _first(problems, '\n'))


def _first(entries, separator, shown=10):
    rest = len(entries) - shown
    return separator.join(entries[:shown]) + (f'{separator}and {rest} more' if rest > 0 else '')


def read_json(path, what):
    content = _content(path, what)
    try:
        return json.loads(content.decode('utf-8-sig'))
    except (ValueError, RecursionError) as error:
        raise InputError(f'{what} {path} is not valid JSON: {error}') from error


def read_object(path, what, form='{"key": value, ...}'):
    """``read_json`` of a file that holds an object, as a dict; InputError with its ``form`` for anything else."""
    content = read_json(path, what)
    if not isinstance(content, dict):
        raise InputError(f'{what} {path} must hold one object, {form}.')
    return content


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
