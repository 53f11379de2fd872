"""A picture of many images with their instances, to look at."""
import itertools
import math

import numpy as np
from PIL import Image, ImageDraw

from mmfbr.files import InputError, atomic_path
from mmfbr.image_files import read_image
from mmfbr.report.pictures import DISTINCT

TILE = 240  # pixels of the longer side of an image
GAP = 6
LINE = 12  # height of a line of text


class Sheet:
    """Takes images one by one and writes those that it shows, up to ``count``, spread evenly over the list ``ids``."""

    def __init__(self, ids, classes, count):
        if count < 1:
            raise InputError(f'The sheet must show 1 image or more; it is to show {count}.')
        self.shown = {ids[len(ids) * number // count] for number in range(count)} if count < len(ids) else {*ids}
        self.classes, self.tiles = classes, []

    def add(self, image_id, path, instances):
        """Draws the image at ``path`` with its instances, if it is one of those shown."""
        if image_id in self.shown:
            self.tiles.append(tile(read_image(path), instances, self.classes, image_id))

    def write(self, path):
        columns = math.ceil(math.sqrt(len(self.tiles)))
        rows = [self.tiles[start:start + columns] for start in range(0, len(self.tiles), columns)]
        tops = list(itertools.accumulate((GAP + max(picture.height for picture in row) for row in rows), initial=GAP))
        page = Image.new('RGB', (GAP + columns * (TILE + GAP), tops[-1]), 'white')
        for top, row in zip(tops[:-1], rows, strict=True):
            for column, picture in enumerate(row):
                page.paste(picture, (GAP + column * (TILE + GAP), top))
        with atomic_path(path) as temporary:
            page.save(temporary, format='PNG')


def tile(image, instances, classes, caption):
    """A Pillow image of TILE pixels' width: instances tinted and outlined, a colour each, with class and score.

    Args:
        image (ndarray): (H, W, 3) uint8. instances (list[Instance]): of it.
        classes (list[str]): names. caption (str): written below.
    """
    scale = TILE / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    canvas = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)).astype(float)
    labels, texts = [], []
    for number, instance in enumerate(instances):
        colour = np.array(DISTINCT[number % len(DISTINCT)])
        inside = np.asarray(Image.fromarray(instance.mask).resize(size, Image.Resampling.NEAREST))
        canvas[inside] = 0.6 * canvas[inside] + 0.4 * colour
        canvas[outline(inside)] = colour
        labels.append(f'{classes[instance.class_index]} {instance.score:.2f}')
        rows, columns = np.nonzero(inside)
        texts.append((columns.mean(), rows.mean()) if len(rows) else (0, 0))
    picture = Image.new('RGB', (TILE, size[1] + LINE), 'white')
    picture.paste(Image.fromarray(np.rint(canvas).astype(np.uint8)))
    draw = ImageDraw.Draw(picture)
    for label, (x, y) in zip(labels, texts, strict=True):
        wide = draw.textlength(label)
        place = (min(max(x - wide / 2, 1), size[0] - wide - 1), min(max(y - LINE / 2, 0), size[1] - LINE))
        draw.rectangle((place[0] - 1, place[1], place[0] + wide + 1, place[1] + LINE - 1), fill='black')
        draw.text(place, label, fill='white')
    draw.text((0, size[1]), caption, fill='black')
    return picture


def outline(mask):
    """The pixels of ``mask`` (H, W) bool that have a neighbour above, below, left or right outside of it."""
    padded = np.pad(mask, 1)
    return mask & ~(padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:])
