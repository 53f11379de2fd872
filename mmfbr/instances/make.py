"""From masks, CAMs or object masks of a list of images to one COCO file, and a sheet to look at."""
from collections import Counter

from mmfbr.data_prep.checks import check_image
from mmfbr.data_prep.label_table import ENDINGS
from mmfbr.files import InputError, clear_parts, existing, for_each

from .coco_file import annotation, categories, category_id, write_coco
from .sheet import Sheet


def make_instances(out, source, images, classes, image_list=None, bg_index=0, info=None, sheet=None, sheet_images=24,
                   progress=iter):
    """Writes the instances of the images to the COCO file ``out``, in one piece at the end.

    Nothing of a stopped run is left; the same input gives the same bytes. Images without an instance stay in the file.

    Args:
        out (str | Path): the file.
        source (PseudoInstances | TrueInstances): finds the instances of an image.
        images (str | Path): folder of the images, whose ids may hold folders; ``file_name`` is relative to it.
        classes (list[str]): names of the C classes, the background included.
        image_list (str | Path | None): image ids, one a line; None: all that the source has a file of.
        bg_index (int): the background's index.
        info (dict | None): goes into the file, to say what it is.
        sheet (str | Path | None): PNG with pictures of ``sheet_images`` of the images.
        progress (callable): wraps the list, place for a progress bar.

    Returns:
        Counter: 'images', 'images without instances', 'instances', and the number of instances of each class name.

    Raises:
        InputError: an empty list, a file that is missing or cannot be used; up to ten of them are named.
    """
    check_classes(classes, bg_index)
    ids = source.ids(image_list)
    paths = {image_id: image_path(images, image_id) for image_id in ids}
    missing = [image_id for image_id, path in paths.items() if path is None]
    if missing:
        raise InputError(f'{len(missing)} of {len(ids)} images are not in {images}: {", ".join(missing[:10])}. Give '
                         'the folder that has them, or list those that are there.')
    clear_parts(path for path in (out, sheet) if path)
    picture = Sheet(ids, classes, sheet_images) if sheet else None
    counts, entries, annotations = Counter(), [], []

    def find(image_id):
        path = paths[image_id]
        width, height = check_image(path.read_bytes(), path)
        return image_id, (height, width), source(image_id, (height, width))

    for image_id, (height, width), found in for_each(ids, find, progress, 'used'):
        entries.append(dict(id=len(entries) + 1, file_name=paths[image_id].relative_to(images).as_posix(),
                            height=height, width=width))
        for instance in found:
            annotations.append(annotation(instance.mask, category_id(instance.class_index, bg_index), len(entries),
                                          len(annotations) + 1, instance.score))
            counts[classes[instance.class_index]] += 1
        counts.update({'images': 1, 'instances': len(found), 'images without instances': not found})
        if picture:
            picture.add(image_id, paths[image_id], found)
    write_coco(out, info or {}, entries, categories(classes, bg_index), annotations)
    if picture:
        picture.write(sheet)
    return counts


def check_classes(classes, bg_index):
    """Raises InputError for a list of classes that no COCO file can be made of."""
    if not 0 <= bg_index < len(classes):
        raise InputError(f'The background index {bg_index} is outside the {len(classes)} classes; '
                         f'give a number from 0 to {len(classes) - 1}.')
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if twice:
        raise InputError(f'The class list has {", ".join(twice)} twice; name each class once.')


def image_path(folder, image_id):
    """The image file of an id in ``folder``, None when there is none."""
    folder = existing(folder, 'The folder of images')
    endings = [ending for kind in ENDINGS for ending in (kind, kind.upper())]
    return next((path for path in (folder / f'{image_id}{ending}' for ending in endings) if path.is_file()), None)
