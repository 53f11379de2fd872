"""Pictures of predicted instances: a sheet of images of the ground truth's files."""
from collections import defaultdict

from mmfbr.files import InputError
from mmfbr.run_lengths import coco_masks, run_lengths

from .make import image_path
from .sheet import Sheet
from .sources import Instance


def draw_predictions(path, truth, predictions, images, min_score=0.3, count=24):
    """Writes a PNG with ``count`` of the truth's images and what was predicted in them.

    Args:
        path (str | Path): the picture, written whole or not at all.
        truth (Truth): names the images and the classes.
        predictions (list): (image id, category id, score, segmentation), as of ``read_predictions``.
        images (str | Path): folder that the files' names are relative to.
        min_score (float): of the predictions that are drawn.

    Raises:
        InputError: an image that is shown is not in the folder, or a mask has another size.
    """
    categories, found = list(truth.categories), defaultdict(list)
    for image, category, score, outline in predictions:
        if score >= min_score:
            found[image].append((score, categories.index(category), outline))
    # The longest name of an image is the one with its folders.
    names = {identity: name for name, identity in sorted(truth.names.items(), key=lambda item: len(item[0]))}
    sheet = Sheet([names[identity] for identity in truth.images], list(truth.categories.values()), count)
    for identity, size in truth.images.items():
        name = names[identity]
        if name not in sheet.shown:
            continue
        picture = image_path(images, name)
        if picture is None:
            raise InputError(f'The image {name} of {truth.path} is not in {images}. Give the folder that its file '
                             'names are relative to.')
        masks = [(index, run_lengths(outline, *size, f'a prediction for {name}'), score)
                 for score, index, outline in sorted(found[identity], key=lambda entry: entry[0])]
        sheet.add(name, picture, [Instance(index, coco_masks().decode(runs).astype(bool), score)
                                  for index, runs, score in masks if runs is not None])
    sheet.write(path)
