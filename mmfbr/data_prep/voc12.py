"""PASCAL VOC 2012 with SBD: `SegmentationClassAug`, the list `train_aug`, image-level labels, instances and boxes."""
from fnmatch import fnmatch
from functools import partial
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np

from mmfbr.files import InputError, read_ids, read_object, write_json, write_text
from mmfbr.image_files import read_mask, voc_palette, write_mask
from mmfbr.run_lengths import coco_masks

from .checks import check_image, check_mask
from .place import few, lines, link_file, missing_files, place, silent, workplace
from .sbd import class_mask
from .sources import REMEDY, find_source
from .voc12_instances import BOXES, SBD_VAL, VAL, write_boxes, write_sbd_val, write_val

CLASSES = ('background', 'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow',
           'diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')
VOC = dict(archive='VOCtrainval_11-May-2012.tar', anchor='VOCdevkit/VOC2012', marker='ImageSets/Segmentation',
           origin='the training and validation data (1.9 GB) of the PASCAL VOC 2012 challenge page')
SBD = dict(archive='benchmark.tgz', anchor='benchmark_RELEASE/dataset', marker='cls',
           origin='the Semantic Boundaries Dataset and Benchmark (1.4 GB) of the page of Hariharan et al., ICCV 2011')
FOLDERS = {'Annotations': '.xml', 'ImageSets': '.txt', 'JPEGImages': '.jpg', 'SegmentationClass': '.png',
           'SegmentationObject': '.png'}
AUG, LISTS, LABELS = 'SegmentationClassAug', 'ImageSets/Segmentation', 'image_labels.json'
COUNTS = dict(train_aug=10582, train=1464, val=1449)
PALETTE = voc_palette()


def prepare_voc12(out, source='.', voc=None, sbd=None, link='hard', progress=silent):
    """Makes the data set in the folder ``out``, which takes the place of ``VOCdevkit/VOC2012``.

    ``SegmentationClassAug`` holds VOC's mask of an image where there is one, else SBD's. ``train_aug`` is SBD's train
    and val and VOC's train without VOC's val; ``aug`` is ``train_aug`` without VOC's train. ``image_labels.json`` names
    the classes of the VOC XML boxes of an image (difficult ones too), or those of its mask where it has no XML. It is
    written last: a data set with labels is a whole one. Then follow the COCO files of instances (``voc12_instances``);
    that of SBD's val where ``inst`` of SBD is there.

    Args:
        out (str | Path): may be the unpacked VOC folder itself.
        source (str | Path): folder with the archives, or what they unpack to.
        voc, sbd (str | Path | None): one of them, where it lies elsewhere.
        link (str): how files of an unpacked folder come here: 'hard', 'symlink' or 'copy'.
        progress (Callable): ``progress(items, what, total=None)`` wraps what is gone through.

    Returns:
        tuple[dict, list[str]]: number of images of each list and files written now; remarks for the user.

    Raises:
        InputError: something is missing, damaged, or not of this data set.
    """
    out = Path(out)
    owned = [AUG] if (out / 'ImageSets').is_dir() else list(FOLDERS)
    with workplace(out, 'voc12', owned):
        if _is_whole(out):
            written, remarks = 0, []
        else:
            # Both sources before any work, so that what is missing is said at once.
            sources = find_source(voc, '--voc', source, **VOC), find_source(sbd, '--sbd', source, **SBD)
            written, remarks = _make(out, *sources, link, progress)
        made, more = _write_instances(out, sbd, source, progress)
        written, remarks = written + made, remarks + more
        counts = {name: len(_ids(out, name)) for name in COUNTS}
    remarks += [f'{name} has {counts[name]} images; the official archives give {known}.'
                for name, known in COUNTS.items() if counts[name] != known]
    return dict(**counts, written=written), remarks


def _make(out, voc, sbd, link, progress):
    (out / LABELS).unlink(missing_ok=True)
    written = _unpack_voc(out, voc, link, progress)
    for name in ('train', 'val'):
        if not _list(out, name).exists():
            raise InputError(f'{voc.path} holds no {VOC["anchor"]}/{LISTS}/{name}.txt: {REMEDY}')
    train, val = _ids(out, 'train'), _ids(out, 'val')
    missing_files((out / 'SegmentationClass' / f'{image}.png' for image in train + val), f'masks of {voc.path}', REMEDY)
    masks, listed = _unpack_sbd(out, sbd, progress)
    train_aug = sorted({*listed['train'], *listed['val'], *train} - {*val})
    every = train_aug + val
    missing_files((_image(out, image) for image in every), f'images of {voc.path}', REMEDY)
    for image in train + val:
        mask = out / AUG / f'{image}.png'
        if not mask.exists():
            link_file(out / 'SegmentationClass' / mask.name, mask, link)
            masks += 1
    missing_files((out / AUG / f'{image}.png' for image in every), f'masks of {sbd.path}', REMEDY)
    write_text(_list(out, 'train_aug'), lines(train_aug))
    write_text(_list(out, 'aug'), lines(sorted({*train_aug} - {*train})))
    write_text(out / 'classes.txt', lines(CLASSES))
    labels, from_masks = _image_labels(out, every, progress)
    write_json(out / LABELS, labels)
    return written + masks, [f'The labels of {len(every) - len(from_masks)} images are from their XML boxes' +
                             (f', of {len(from_masks)} from their masks ({few(from_masks)}).' if from_masks else '.')]


def _write_instances(out, sbd, source, progress):
    """(files written, remarks) of the COCO files; only SBD's needs its source again."""
    written, remarks = 0, []
    try:
        coco_masks()
    except InputError as error:  # who wants no instances does without it
        return 0, [f'{error}; no instances are written.']
    if not (out / VAL).exists():
        remarks += write_val(out, _ids(out, 'val'), CLASSES, progress)
        written += 1
    if not (out / BOXES).exists():
        write_boxes(out, _ids(out, 'train_aug'), CLASSES)
        written += 1
    if not (out / SBD_VAL).exists():
        try:
            found = find_source(sbd, '--sbd', source, **SBD)
        except InputError:
            found = None
        if found and write_sbd_val(out, found, CLASSES, progress):
            written += 1
        else:
            remarks.append(f'{SBD_VAL} is not made: it needs inst of {SBD["archive"]}.')
    return written, remarks


def _list(out, name):
    return out / LISTS / f'{name}.txt'


def _ids(out, name):
    return read_ids(_list(out, name), 'The image list')


def _image(out, image):
    return out / 'JPEGImages' / f'{image}.jpg'


def _is_whole(out):
    if not (out / LABELS).exists():
        return False
    lists = [_list(out, name) for name in (*COUNTS, 'aug')]
    if not all(path.exists() for path in lists):
        return False
    images = {*_ids(out, 'train_aug'), *_ids(out, 'val')}
    return (images <= {*read_object(out / LABELS, 'The labels')}
            and all(_image(out, image).exists() and (out / AUG / f'{image}.png').exists() for image in images))


def _unpack_voc(out, voc, link, progress):
    checks = {'SegmentationClass': partial(check_mask, num_classes=len(CLASSES))}
    if not voc.has_checksums:
        checks['JPEGImages'] = check_image
    written = 0
    members = voc.members(lambda name: FOLDERS.get(name.split('/')[0]) == PurePosixPath(name).suffix)
    for member in progress(members, f'files of {voc.path.name}'):
        written += place(member, out / member.name, link, checks.get(member.name.split('/')[0]))
    return written


def _unpack_sbd(out, sbd, progress):
    """(masks written, {'train': ids, 'val': ids}) of SBD; masks of images that VOC has a mask of are passed over."""
    written, listed = 0, {}
    members = sbd.members(lambda name: name in ('train.txt', 'val.txt') or fnmatch(name, 'cls/*.mat'))
    for member in progress(members, f'files of {sbd.path.name}'):
        image = PurePosixPath(member.name).stem
        if member.name.endswith('.txt'):
            listed[image] = member.names()
            continue
        target = out / AUG / f'{image}.png'
        if not target.exists() and not (out / 'SegmentationClass' / target.name).exists():
            write_mask(target, class_mask(member, _image(out, image), len(CLASSES)), PALETTE)
            written += 1
    for name in ('train', 'val'):
        if name not in listed:
            raise InputError(f'{sbd.path} holds no {SBD["anchor"]}/{name}.txt: {REMEDY}')
    return written, listed


def _image_labels(out, images, progress):
    """({id: [class, ...]}, ids whose labels are from the mask for want of an XML file)."""
    labels, from_masks = {}, []
    for image in progress(images, 'images labelled'):
        path = out / 'Annotations' / f'{image}.xml'
        if path.exists():
            found = _xml_classes(path)
        else:
            found = {CLASSES[index] for index in np.unique(read_mask(out / AUG / f'{image}.png')) if 0 < index < 255}
            from_masks.append(image)
        labels[image] = sorted(found, key=CLASSES.index)
    return labels, from_masks


def _xml_classes(path):
    try:
        found = {node.findtext('name', '').strip() for node in ElementTree.parse(path).getroot().iter('object')}
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise InputError(f'The annotation {path} is not valid XML: {error}. Delete it and run this again.') from error
    if not found <= {*CLASSES[1:]}:
        raise InputError(f'The annotation {path} names {few(sorted(found - {*CLASSES[1:]}))}, no class of VOC 2012.')
    return found
