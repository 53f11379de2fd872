"""Where image-level labels come from: VOC XML boxes, a labels file, or COCO annotations."""
import re
from pathlib import Path
from xml.etree import ElementTree

from mmfbr.files import InputError, existing, read_json, read_lines, read_object


def read_labels(source, path, ids):
    """Class names of each image, ``{id: [name, ...]}``, for the images ``ids``.

    Args:
        source (str): 'voc_xml' (``path`` is a folder of ``ID.xml``), 'file' (JSON ``{id: [name, ...]}``, or text with
            one image a line: its id, then class names, separated by spaces or, where names have spaces, all by commas),
            or 'coco' (annotation JSON; the id is the image's file name without ending).
        path (str | Path): the file or folder.
        ids (list[str]): images that must be labelled; an image with an empty list has no object.

    Raises:
        InputError: when the source is unknown or unreadable, or some of ``ids`` are not in it.
    """
    readers = dict(voc_xml=_voc_xml, file=_labels_file, coco=_coco)
    if source not in readers:
        raise InputError(f'The label source {source!r} is unknown; use one of {", ".join(map(repr, readers))}.')
    labels = readers[source](Path(path), ids)
    missing = [image for image in ids if image not in labels]
    if missing:
        raise InputError(f'{path} has no labels for {len(missing)} of {len(ids)} images: {", ".join(missing[:10])}'
                         f'{", ..." if len(missing) > 10 else ""}. Label them or take them off the list.')
    return {image: labels[image] for image in ids}


def _voc_xml(folder, ids):
    existing(folder, 'The folder of VOC annotations')
    labels = {}
    for image in ids:
        path = folder / f'{image}.xml'
        if path.exists():
            try:
                root = ElementTree.parse(path).getroot()
            except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two for its encoding
                raise InputError(f'The annotation {path} is not valid XML: {error}') from error
            names = (node.findtext('name', '').strip() for node in root.iter('object'))
            labels[image] = [name for name in names if name]
    return labels


def _labels_file(path, ids):
    if path.suffix == '.json':
        labels = read_object(path, 'The labels file', '{"image id": ["class name", ...]}')
        for image, names in labels.items():
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise InputError(f'The labels file {path} must give image {image!r} a list of class names; it gives '
                                 f'{names!r}.')
        return labels
    rows = [re.split(r'\s*,\s*' if ',' in line else r'\s+', line) for line in read_lines(path, 'The labels file')]
    return {row[0]: [name for name in row[1:] if name] for row in rows}


def _coco(path, ids):
    content = read_json(path, 'The COCO annotation file')
    try:
        names = {category['id']: category['name'] for category in content['categories']}
        files = {image['id']: Path(image['file_name']).stem for image in content['images']}
        labels = {stem: set() for stem in files.values()}
        for annotation in content['annotations']:
            labels[files[annotation['image_id']]].add(names[annotation['category_id']])
    except (KeyError, TypeError) as error:
        raise InputError(f'{path} is not a COCO annotation file: {error!r} is missing or not what it should '
                         'be.') from error
    return {stem: sorted(map(str, found)) for stem, found in labels.items()}
