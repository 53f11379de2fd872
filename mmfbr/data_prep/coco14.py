"""MS COCO 2014 for semantic segmentation: image-level labels and masks of 81 classes from the instance annotations."""
from collections import defaultdict
from pathlib import Path

import numpy as np

from mmfbr.files import InputError, check_class_names, check_names, read_object, write_json, write_text
from mmfbr.image_files import IGNORE, voc_palette, write_mask
from mmfbr.run_lengths import check_size, coco_masks, run_lengths

from .checks import check_image
from .json_stream import stream_json
from .place import few, lines, missing_files, place, silent, workplace
from .sources import REMEDY, find_source

SPLITS = ('train', 'val')
ANNOTATIONS = dict(archive='annotations_trainval2014.zip', anchor='annotations', marker='instances_train2014.json',
                   origin='the 2014 train/val annotations (241 MB) of the download page of MS COCO')
IMAGES = {split: dict(archive=f'{split}2014.zip', anchor=f'{split}2014', marker='',
                      origin=f'the 2014 {split} images ({size} GB) of the download page of MS COCO')
          for split, size in (('train', 13), ('val', 6))}
# Images of the two lists, and those without an annotation, of the official archives.
COUNTS = dict(train=82081, val=40137, train_background_only=702, val_background_only=367)
NUM_CLASSES = 80
LABELS = 'image_labels.json'
PALETTE = voc_palette()


def prepare_coco14(out, source='.', annotations=None, images=None, link='hard', progress=silent):
    """Makes the data set in the folder ``out``: images of both splits in one folder, masks, lists, labels.

    A mask is 0 for the background and 1 to 80 for the categories in the order of their ids. Larger instances are
    painted first, so that small ones stay visible; a crowd region is 255 where nothing else is. The image-level labels
    are the categories of all annotations of an image, crowds included (they are there), even those that smaller
    instances hide. ``train`` and ``val`` list the images with an annotation; the others, which show none of the
    classes, are in ``SPLIT_background_only``. ``image_labels.json`` is written last: a data set with labels is a whole
    one.

    Args:
        out (str | Path): the folder.
        source (str | Path): folder with the archives, or what they unpack to.
        annotations (str | Path | None): ``annotations_trainval2014.zip`` or its folder, where it lies elsewhere.
        images (dict[str, str | Path] | None): the same of the images of 'train' and 'val'.
        link (str): how images of an unpacked folder come here: 'hard', 'symlink' or 'copy'.
        progress (Callable): ``progress(items, what, total=None)`` wraps what is gone through.

    Returns:
        tuple[dict, list[str]]: number of images of each list and files written now; remarks for the user.

    Raises:
        InputError: something is missing, damaged, or not of this data set.
    """
    out, written, remarks = Path(out), 0, []
    with workplace(out, 'coco14', ('JPEGImages', 'SegmentationClass')):
        if not _is_whole(out):
            # All sources before any work, so that what is missing is said at once.
            annotated = find_source(annotations, '--annotations', source, **ANNOTATIONS)
            pictures = {split: find_source((images or {}).get(split), f'--{split}-images', source, **IMAGES[split])
                        for split in SPLITS}
            written, remarks = _make(out, annotated, pictures, link, progress)
        counts = {name: len(_ids(out, name)) for name in COUNTS}
    remarks += [f'{name} has {counts[name]} images; the official archives give {known}.'
                for name, known in COUNTS.items() if counts[name] != known]
    return dict(**counts, written=written), remarks


def _make(out, annotated, pictures, link, progress):
    (out / LABELS).unlink(missing_ok=True)
    labels, written, categories = {}, 0, None
    for split in SPLITS:
        split_ids, names, made = _make_split(out, split, annotated, pictures[split], link, progress)
        if categories not in (None, names):
            raise InputError('The categories of instances_train2014.json and instances_val2014.json in '
                             f'{annotated.path} differ.')
        twice = sorted(labels.keys() & split_ids.keys())
        if twice:
            raise InputError(f'{few(twice)}: images of this name are in train and in val.')
        labels.update(split_ids)
        categories, written = names, written + made
        for name, listed in ((split, True), (f'{split}_background_only', False)):
            write_text(_list(out, name), lines(image for image, found in split_ids.items() if bool(found) is listed))
    write_text(out / 'classes.txt', lines(['background', *categories]))
    write_json(out / LABELS, labels)
    remark = f'The annotations have {len(categories)} categories; those of MS COCO have {NUM_CLASSES}.'
    return written, [] if len(categories) == NUM_CLASSES else [remark]


def _list(out, name):
    return out / 'ImageSets' / f'{name}.txt'


def _ids(out, name):
    return _list(out, name).read_text(encoding='utf-8').split()


def _is_whole(out):
    if not (out / LABELS).exists() or not all(_list(out, name).exists() for name in COUNTS):
        return False
    images = {image for name in COUNTS for image in _ids(out, name)}
    return images == {*read_object(out / LABELS, 'The labels')} and all(
        (out / 'JPEGImages' / f'{image}.jpg').exists() and (out / 'SegmentationClass' / f'{image}.png').exists()
        for image in images)


def _make_split(out, split, annotated, pictures, link, progress):
    """({id: [class, ...]}, class names, files written) of a split; its images and masks are there afterwards."""
    name = f'instances_{split}2014.json'
    images, categories, instances = _read_annotations(annotated, name, progress)
    sizes, written = {}, 0
    for member in progress(pictures.members(lambda name: name.endswith('.jpg')), f'images of {pictures.path.name}'):
        stem = member.name.removesuffix('.jpg')
        if stem in images:

            def check(data, what, stem=stem):
                sizes[stem] = check_image(data, what)

            written += place(member, out / 'JPEGImages' / f'{stem}.jpg', link,
                             None if pictures.has_checksums else check)
            expected = images[stem][1:]
            if sizes.pop(stem, expected) != expected:
                raise InputError(f'{member.what} is not the image of {expected[0]} x {expected[1]} pixels that {name} '
                                 'describes.')
    missing_files((out / 'JPEGImages' / f'{stem}.jpg' for stem in images), f'images of {pictures.path}', REMEDY)
    for stem, (_, width, height) in progress(images.items(), f'masks of {split}', len(images)):
        target = out / 'SegmentationClass' / f'{stem}.png'
        if not target.exists():
            write_mask(target, paint(instances.get(stem, ()), height, width), PALETTE)
            written += 1
    names = list(categories.values())
    labels = {stem: [names[index] for index in sorted({instance[0] - 1 for instance in instances.get(stem, ())})]
              for stem in images}
    return labels, names, written


def paint(instances, height, width):
    """The mask (H, W) uint8 of an image.

    Args:
        instances (Iterable[tuple]): (class index, crowd or not, annotation id, compressed run lengths as bytes).
        height, width (int): of the image.
    """
    coco = coco_masks()
    canvas = np.zeros((height, width), np.uint8)
    runs = [(*instance[:3], dict(size=[height, width], counts=instance[3])) for instance in instances if instance[3]]
    runs.sort(key=lambda instance: (-int(coco.area(instance[3])), instance[2]))
    for index, crowd, _, run in runs:
        if not crowd:
            canvas[coco.decode(run) == 1] = index
    for _, crowd, _, run in runs:
        if crowd:
            canvas[(coco.decode(run) == 1) & (canvas == 0)] = IGNORE
    return canvas


def _read_annotations(annotated, name, progress):
    """({stem: (image id, width, height)}, {category id: name} by id, {stem: instances as in ``paint``})."""
    for member in annotated.members(lambda path: path == name):
        with member.stream() as stream:
            try:
                return _parse(progress(stream_json(stream, member.what), f'entries of {name}'), member.what)
            except (KeyError, TypeError) as error:
                raise InputError(f'{member.what} is not a COCO annotation file: {error!r} is missing or not what it '
                                 'should be.') from error
    raise InputError(f'{annotated.path} holds no {ANNOTATIONS["anchor"]}/{name}: {REMEDY}')


def _parse(entries, what):
    images, stems, categories, instances, early = {}, {}, {}, defaultdict(list), []

    def add(item):
        stem = stems[item['image_id']]
        instances[stem].append(_instance(item, *images[stem][1:], what))

    for key, item in entries:
        if key == 'images':
            check_names([item['file_name']], what)
            stem = stems[item['id']] = Path(item['file_name']).stem
            images[stem] = (item['id'], item['width'], item['height'])
            check_size(item['height'], item['width'], f'image {stem} of {what}')
        elif key == 'categories':
            check_class_names([item['name']], what)
            categories[item['id']] = item['name']
        elif key == 'annotations' and item['image_id'] in stems:
            add(item)
        elif key == 'annotations':
            early.append(item)  # official files name the images first
    for item in early:
        add(item)
    order = {identity: index for index, identity in enumerate(sorted(categories), 1)}
    instances = {stem: [(order[category], *rest) for category, *rest in found] for stem, found in instances.items()}
    if not images or not categories:
        raise KeyError('categories' if images else 'images')
    return images, {identity: categories[identity] for identity in order}, instances


def _instance(item, width, height, what):
    """(category id, crowd or not, annotation id, run lengths as bytes); no bytes for an outline without area."""
    runs = run_lengths(item['segmentation'], height, width, f'annotation {item["id"]} of {what}')
    return item['category_id'], bool(item.get('iscrowd', 0)), item['id'], runs['counts'] if runs else b''
