"""A folder of photographs with a table of labels, in VOC layout and with a config to train from."""
import os
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import ImageOps

from mmfbr.files import InputError, atomic_path, check_class_names, check_names, read_lines, write_json, write_text
from mmfbr.image_files import IGNORE, image_size, open_image

from .checks import check_image, check_mask
from .folder_config import folder_configs
from .label_table import ENDINGS, check_classes, image_id, read_label_table
from .place import few, is_placed, lines, link_file, silent, workplace
from .split import read_split, split_images

MAX_CLASSES = 254


def prepare_folder(out, images, labels, classes=None, masks=None, val=0.2, train_list=None, val_list=None, seed=0,
                   skip_unlabelled=False, link='hard', config='cam_mobilenetv2-os16_msrc_fbr',
                   seg_config='deeplabv3plus_mobilenetv2_msrc_fbr', progress=silent):
    """Makes a data set of the photographs in ``images`` in the folder ``out``, and in it ``config.py`` to train from
    the labels and ``seg_config.py`` to train a segmentation network from the pseudo masks in ``out/PseudoMasks``.

    Run again after images or labels changed, it brings ``out`` up to date; a config that differs from what it would
    write is kept. Photographs of mixed kinds become JPEG files; a folder of JPEG or of PNG files alone is linked as it
    is.

    Args:
        out, images (str | Path): folders.
        labels (str | Path): see ``read_label_table``.
        classes (str | Path | None): a file with one class a line, which gives them their order; None: the labels'
            names, sorted.
        masks (str | Path | None): folder of ``ID.png`` with class indices, for evaluation; not every image needs one.
        val (float): fraction of the images that goes into validation, see ``split_images``.
        train_list, val_list (str | Path | None): files with one id a line, instead of ``val``.
        skip_unlabelled (bool): leave out images without labels instead of refusing them.
        link (str): 'hard', 'symlink' or 'copy'.
        config, seg_config (str): the shipped configs that the two are made from.
        progress (Callable): ``progress(items, what, total=None)`` wraps what is gone through.

    Returns:
        tuple[dict, list[str]]: number of images of each list and files written now; remarks for the user.

    Raises:
        InputError: what is wrong with the images, labels, masks or lists; all images that are damaged are named at
        once.
    """
    out, images = Path(out), Path(images)
    table, remarks = read_label_table(labels), []
    pictures = find_pictures(images, remarks)
    table = _matched(table, pictures, images, labels, skip_unlabelled, remarks)
    names = _classes(table, classes, labels, masks, remarks)
    train, held_out = read_split(table, train_list, val_list) if train_list else split_images(table, val, seed)
    _check_training(train, names, table)
    used = {image: pictures[image] for image in (*train, *held_out)}
    found = {image: path for image, path in _masks(masks, pictures, remarks).items() if image in used}
    suffix = _suffix(used.values())
    lists = dict(train=train, val=held_out, trainval=[*train, *held_out],
                 test=[image for image in held_out if image in found])
    counts = {name: len(lists[name]) for name in ('train', 'val', 'test')}
    share = sum(len(table[image]) for image in train) / len(train) / len(names)
    texts = folder_configs(out.resolve(), ('background', *names), suffix, counts, share, config, seg_config)
    with workplace(out, 'folder', ('JPEGImages', 'SegmentationClass', 'ImageSets')):
        written = _place_images(out, used, suffix, link, progress)
        written += _place_masks(out, found, used, names, table, link, remarks, progress)
        for name, listed in lists.items():
            write_text(out / 'ImageSets' / f'{name}.txt', lines(listed))
        write_text(out / 'classes.txt', lines(['background', *names]))
        write_json(out / 'image_labels.json', {image: table[image] for image in used})
        for name, text in texts.items():
            if not (out / name).exists():
                write_text(out / name, text)
            elif (out / name).read_text(encoding='utf-8') != text:
                remarks.append(f'{out / name} is kept as it was; what would be written now differs. Delete it to have '
                               'it made again.')
    return dict(**counts, written=written), remarks


def find_pictures(folder, remarks):
    """{id: path} of the image files directly in ``folder``; other files are named in ``remarks``."""
    if not folder.is_dir():
        raise InputError(f'{folder} is not a folder of images.')
    pictures, others = {}, []
    for path in sorted(folder.iterdir()):
        if path.name.startswith('.'):
            continue
        if not path.is_file() or path.suffix.lower() not in ENDINGS:
            others.append(path.name)
            continue
        image = image_id(path.name)
        if image != image.strip():
            raise InputError(f'The name of {path} begins or ends with a space. Rename it.')
        if image in pictures:
            raise InputError(f'{pictures[image]} and {path} differ only in their ending, so their labels cannot be '
                             'told apart. Rename one.')
        pictures[image] = path
    check_names(pictures, f'The folder {folder}')
    if not pictures:
        raise InputError(f'{folder} holds no image ({", ".join(ENDINGS)}); images in folders below it are not looked '
                         'for.')
    if others:
        remarks.append(f'{len(others)} things in {folder} are no image files of a known kind and were passed over: '
                       f'{few(others)}.')
    return pictures


def _matched(table, pictures, images, labels, skip_unlabelled, remarks):
    """The rows of ``table`` whose images are there."""
    lost = [image for image in table if image not in pictures]
    if lost:
        raise InputError(f'The labels file {labels} names {len(lost)} images that are not in {images}: {few(lost)}. '
                         'Correct the names, or take the lines out.')
    bare = [image for image in pictures if image not in table]
    if bare and not skip_unlabelled:
        raise InputError(f'{len(bare)} of {len(pictures)} images in {images} are not in the labels file {labels}: '
                         f'{few(bare)}. Add a line for each (with no label, if it shows none of the classes), or '
                         'leave them out with --skip-unlabelled.')
    if bare:
        remarks.append(f'{len(bare)} images without labels are left out.')
    return table


def _classes(table, classes, labels, masks, remarks):
    """Names of the classes, without the background."""
    counts = Counter(name for names in table.values() for name in names)
    if classes:
        names = read_lines(classes, 'The class list')
        check_class_names(names, f'The class list {classes}')
        names = names[1:] if names[0] == 'background' else names
        if len({*names}) < len(names) or 'background' in names:
            raise InputError(f'The class list {classes} must name each class once, "background" nowhere but in its '
                             'first line.')
        check_classes(table, names, labels, classes)
    elif masks:
        raise InputError('With --masks, --classes is needed: masks hold the numbers of classes, and the list says '
                         'which is 1.')
    else:
        names = sorted(counts)
        rare = [name for name in names if counts[name] == 1]
        if rare:
            remarks.append(f'{few(rare)}: labels of a single image. If they are misspelt, correct them; a list of the '
                           'classes (--classes) finds such errors.')
    if not names:
        raise InputError(f'The labels file {labels} gives no image a label.')
    if len(names) > MAX_CLASSES:
        raise InputError(f'{len(names)} classes: masks hold at most {MAX_CLASSES}.')
    return names


def _check_training(train, names, table):
    seen = {name for image in train for name in table[image]}
    unseen = [name for name in names if name not in seen]
    if unseen:
        raise InputError(f'No training image is labelled {few(unseen)}. Put images of it into the training list.')


def _masks(masks, pictures, remarks):
    if not masks:
        return {}
    if not Path(masks).is_dir():
        raise InputError(f'{masks} is not a folder of masks.')
    found = {path.stem: path for path in sorted(Path(masks).glob('*.png'))}
    strange = [path.name for image, path in found.items() if image not in pictures]
    if len(strange) == len(found):
        raise InputError(f'{masks} holds no mask ID.png of one of the images.')
    if strange:
        remarks.append(f'{len(strange)} masks belong to no image: {few(strange)}.')
    return found


def _suffix(paths):
    kinds = {ENDINGS[path.suffix.lower()] for path in paths}
    return '.png' if kinds == {'.png'} else '.jpg'


def _place_images(out, pictures, suffix, link, progress):
    """Links, copies or converts what is not there yet; all damaged images are named in one error."""
    written, damaged = 0, []
    for image, path in progress(pictures.items(), 'images', len(pictures)):
        target = out / 'JPEGImages' / f'{image}{suffix}'
        as_it_is = ENDINGS[path.suffix.lower()] == suffix
        if is_placed(path, target) if as_it_is else _is_converted(path, target):
            continue
        try:
            check_image(path.read_bytes(), path)
        except InputError as error:
            damaged.append(str(error))
            continue
        if as_it_is:
            link_file(path, target, link)
        else:
            _convert(path, target)
        written += 1
    if damaged:
        raise InputError(f'{len(damaged)} of {len(pictures)} images are damaged. ' + ' '.join(damaged[:10]) +
                         (' ...' if len(damaged) > 10 else ''))
    return written


def _is_converted(source, target):
    return target.exists() and target.stat().st_mtime_ns == source.stat().st_mtime_ns


def _convert(source, target):
    with open_image(source) as image, atomic_path(target) as temporary:
        ImageOps.exif_transpose(image).convert('RGB').save(temporary, format='JPEG', quality=95)
        status = source.stat()
        os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))


def _place_masks(out, masks, pictures, names, table, link, remarks, progress):
    """Links or copies masks; those that show a class which the image's labels do not name are remarked on."""
    written, surprising = 0, []
    for image, path in progress(masks.items(), 'masks', len(masks)):
        target = out / 'SegmentationClass' / f'{image}.png'
        if is_placed(path, target):
            continue
        mask = check_mask(path.read_bytes(), path, len(names) + 1, image_size(pictures[image])[::-1])
        shown = {names[index - 1] for index in np.unique(mask) if 0 < index < IGNORE}
        if not shown <= {*table[image]}:
            surprising.append(f'{image} ({", ".join(sorted(shown - {*table[image]}))})')
        link_file(path, target, link)
        written += 1
    if surprising:
        remarks.append(f'{len(surprising)} masks show classes that the labels of their images do not name: '
                       f'{few(surprising)}.')
    return written
