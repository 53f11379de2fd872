"""Reads image-level labels as people write them: a CSV file in one of two forms, or JSON."""
import csv
import difflib
import io
from pathlib import Path

from mmfbr.files import InputError, check_class_names, existing, read_object

from .place import few

ENDINGS = {'.jpg': '.jpg', '.jpeg': '.jpg', '.png': '.png', '.bmp': '.bmp', '.tif': '.tif', '.tiff': '.tif',
           '.webp': '.webp'}
FORMS = ('Its first line must be "image,labels", with lines such as "photo_1,cow;boat" below it, or "image" and one '
         'column a class, say "image,cow,boat", with 0 or 1 in it; columns are separated by commas.')


def image_id(name):
    """``name`` without the ending of an image file, where it has one."""
    return name[:-len(Path(name).suffix)] if Path(name).suffix.lower() in ENDINGS else name


def read_label_table(path):
    """Image-level labels, ``{id: [class, ...]}``; an image with an empty list shows none of the classes.

    Args:
        path (str | Path): JSON ``{id: [class, ...]}``, or CSV with a header: ``image,labels`` with the labels of a line
            separated by semicolons, or ``image`` and a column for each class that holds 0 or 1. An id may carry the
            image file's ending.

    Raises:
        InputError: the file, line and remedy for whatever is wrong with it.
    """
    path = existing(path, 'The labels file')
    if path.suffix.lower() == '.json':
        rows = [(f'image {name!r}', name, labels) for name, labels in _json_rows(path)]
    elif path.suffix.lower() == '.csv':
        rows = _csv_rows(path)
    else:
        raise InputError(f'The labels file {path} must end in .csv or .json.')
    labels, where = {}, {}
    for place, name, found in rows:
        image = image_id(name)
        check_class_names(found, f'The labels file {path}, {place},')
        if image in labels:
            raise InputError(f'The labels file {path} has image {image!r} twice: {where[image]} and {place}. Keep one.')
        if 'background' in found:
            raise InputError(f'The labels file {path} labels image {image!r} "background" ({place}). The background '
                             'is in every image and needs no label; leave the labels empty where nothing else is.')
        labels[image], where[image] = list(dict.fromkeys(found)), place
    if not labels:
        raise InputError(f'The labels file {path} has no image in it.')
    return labels


def _json_rows(path):
    content = read_object(path, 'The labels file', '{"image id": ["class name", ...]}')
    for image, names in content.items():
        if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
            raise InputError(f'The labels file {path} must give image {image!r} a list of class names; it gives '
                             f'{names!r}.')
    return [(image, [name.strip() for name in names]) for image, names in content.items()]


def _csv_rows(path):
    """[(where, image, [class, ...])]."""
    try:
        text = path.read_text(encoding='utf-8-sig')  # spreadsheets put a byte order mark before it
    except UnicodeDecodeError as error:
        raise InputError(f'The labels file {path} is not UTF-8 text ({error.reason}). Save it as "CSV UTF-8".'
                         ) from error
    reader = csv.reader(io.StringIO(text, newline=''))
    try:
        rows = [(f'line {reader.line_num}', [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise InputError(f'The labels file {path} is no CSV file, line {reader.line_num}: {error}.') from error
    rows = [(place, row) for place, row in rows if any(row)]
    header = rows[0][1] if rows else []
    if len(header) < 2 or header[0].lower() != 'image' or not all(header):
        raise InputError(f'The labels file {path} begins with {",".join(header)!r}. {FORMS}')
    if len({*header}) < len(header):
        raise InputError(f'The labels file {path} has two columns of one name: {",".join(header)}.')
    listed = [name.lower() for name in header[1:]] == ['labels']
    found = []
    for place, row in rows[1:]:
        if len(row) != len(header) or not row[0]:
            raise InputError(f'{place.capitalize()} of the labels file {path} has {len(row)} columns'
                             f'{"" if row[0] else " and no image"}, the first line has {len(header)}: '
                             f'{",".join(row)!r}. Several labels of an image are separated by semicolons.')
        if listed:
            names = [name.strip() for name in row[1].split(';') if name.strip()]
        else:
            wrong = [(name, cell) for name, cell in zip(header[1:], row[1:], strict=True) if cell not in ('0', '1')]
            if wrong:
                raise InputError(f'{place.capitalize()} of the labels file {path} has {wrong[0][1]!r} in the column '
                                 f'{wrong[0][0]!r}; it must be 0 or 1.')
            names = [name for name, cell in zip(header[1:], row[1:], strict=True) if cell == '1']
        found.append((place, row[0], names))
    return found


def check_classes(labels, classes, path, class_list):
    """Raises InputError for labels that are none of ``classes``, and for classes that no image is labelled with;
    ``path`` and ``class_list`` are the files of both."""
    unknown = {}
    for image, names in labels.items():
        for name in names:
            if name not in classes:
                unknown.setdefault(name, []).append(image)
    if unknown:
        name, images = next(iter(unknown.items()))
        close = difflib.get_close_matches(name, classes, n=1)
        raise InputError(f'The labels file {path} has labels outside of the class list {class_list}: '
                         f'{", ".join(map(repr, list(unknown)[:5]))}; {name!r} is on {len(images)} images '
                         f'({few(images, 3)}). ' + (f'Did you mean {close[0]!r}? ' if close else '') +
                         'Correct them, or add them to the list.')
    unused = [name for name in classes if not any(name in names for names in labels.values())]
    if unused:
        raise InputError(f'No image is labelled {few(unused)}, so it cannot be learned. Take it off the class list '
                         f'{class_list}, or label images with it.')
