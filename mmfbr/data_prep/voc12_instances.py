"""Instance ground truth and boxes of VOC 2012 as COCO files, in the folder `annotations`.

Weakly supervised instance segmentation is scored on VOC's `val`, by its object masks (as IRN does, Ahn et al., CVPR
2019); object detectors with masks rather on SBD's `val` (Hariharan et al., ECCV 2014), most of which is in `train_aug`.
"""
import math
from fnmatch import fnmatch
from pathlib import PurePosixPath
from xml.etree import ElementTree

from mmfbr.files import InputError
from mmfbr.image_files import image_size
from mmfbr.instances.coco_file import annotation, categories, write_coco
from mmfbr.instances.sources import TrueInstances

from .place import missing_files
from .sbd import instance_masks
from .sources import REMEDY

VAL = 'annotations/instances_voc12_val.json'
SBD_VAL = 'annotations/instances_sbd_val.json'
BOXES = 'annotations/boxes_voc12_train_aug.json'


def write_val(out, ids, classes, progress):
    """Writes ``VAL`` of the masks in ``SegmentationClass`` and ``SegmentationObject``; returns remarks.

    Pixels of VOC's border (255) belong to no instance.
    """
    missing_files((out / 'SegmentationObject' / f'{image}.png' for image in ids), 'object masks of val', REMEDY)
    source = TrueInstances(classes, out / 'SegmentationClass', out / 'SegmentationObject')
    found = {image: [(index, mask) for index, mask, _ in source(image, image_size(_image(out, image)))]
             for image in progress(ids, 'images with instances')}
    _write(out, VAL, found, classes)
    return source.remarks


def write_sbd_val(out, sbd, classes, progress):
    """Writes ``SBD_VAL`` of the files ``inst/*.mat`` of the ``Source`` ``sbd``; False when it has none of them."""
    found, listed = {}, []
    members = sbd.members(lambda name: name == 'val.txt' or fnmatch(name, 'inst/*.mat'))
    for member in progress(members, f'instance masks of {sbd.path.name}'):
        image = PurePosixPath(member.name).stem
        if member.name == 'val.txt':
            listed = member.names()
        else:
            found[image] = instance_masks(member, _image(out, image), len(classes))
    if not found:
        return False
    missing = [image for image in listed if image not in found]
    if missing:
        raise InputError(f'{sbd.path} has no instances of {len(missing)} images of its val.txt, first {missing[0]}. '
                         'Fetch the archive again.')
    _write(out, SBD_VAL, {image: found[image] for image in listed}, classes)
    return True


def write_boxes(out, ids, classes):
    """Writes ``BOXES`` of the XML files of ``ids``; difficult objects are crowds, which detectors ignore. Images
    without an XML file are left out: nothing says what is on them."""
    images, annotations = [], []
    for image in ids:
        path = out / 'Annotations' / f'{image}.xml'
        if not path.exists():
            continue
        images.append(_entry(out, image, len(images) + 1))
        for index, box, difficult in _boxes(path, classes):
            annotations.append(dict(id=len(annotations) + 1, image_id=len(images), category_id=index, bbox=box,
                                    area=box[2] * box[3], iscrowd=int(difficult)))
    write_coco(out / BOXES, dict(description='boxes of VOC 2012'), images, categories(classes), annotations)


def _write(out, name, found, classes):
    images, annotations = [], []
    for image, instances in found.items():
        images.append(_entry(out, image, len(images) + 1))
        annotations += [annotation(mask, index, len(images), len(annotations) + number, 1)
                        for number, (index, mask) in enumerate(instances, 1)]
    write_coco(out / name, dict(description='true instances'), images, categories(classes), annotations)


def _entry(out, image, number):
    height, width = image_size(_image(out, image))
    return dict(id=number, file_name=f'{image}.jpg', height=height, width=width)


def _image(out, image):
    return out / 'JPEGImages' / f'{image}.jpg'


def _boxes(path, classes):
    """[(class index, [x, y, width, height], difficult or not)]; VOC counts pixels from 1 and includes both ends."""
    found = []
    try:
        for node in ElementTree.parse(path).getroot().iter('object'):
            left, top, right, bottom = (float(node.find('bndbox').findtext(key)) for key in
                                        ('xmin', 'ymin', 'xmax', 'ymax'))
            box = [left - 1, top - 1, right - left + 1, bottom - top + 1]
            if not all(map(math.isfinite, box)):
                raise ValueError(f'a box {box}')
            found.append((classes.index(node.findtext('name', '').strip()), box, node.findtext('difficult') == '1'))
    except (AttributeError, ElementTree.ParseError, TypeError, ValueError) as error:
        raise InputError(f'The annotation {path} has an object without a class of VOC 2012 and a box with numbers '
                         f'({error!r}). Delete it and run this again.') from error
    return found
