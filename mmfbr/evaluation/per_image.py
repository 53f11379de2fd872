"""Counts of each image apart, at all thresholds of a sweep at once: what paired comparisons resample."""
from dataclasses import dataclass

import numpy as np

from mmfbr.evaluation.confusion import class_indices, same_size
from mmfbr.evaluation.sweep import Sweep, map_classes, strongest
from mmfbr.files import InputError, atomic_path, existing

COLUMNS = ('passed', 'truth', 'all', 'winner')


def image_cells(cam, classes, truth, thresholds, num_classes, all_mask=None, num_all=0, bg_index=0, ignore_index=255):
    """The counted pixels of one image, grouped by all that decides whether they are right at some threshold.

    Args:
        cam, classes, truth, thresholds, bg_index: as for ``threshold_confusions``.
        all_mask: (H, W) mask of things and stuff in [0, num_all), or ``ignore_index``; None: none is known.

    Returns:
        tuple[ndarray, ndarray]: cells (M, 4) int16 with the ``COLUMNS``: how many thresholds the strongest map exceeds,
        the true class, the class of the all-class mask (``num_all`` for void), and the strongest map's class (the
        background where no threshold is exceeded); and the pixels (M,) int64 in each.

    Raises InputError as ``threshold_confusions`` does, and for an all-class mask that does not fit.
    """
    activation, winner = strongest(cam, classes)
    same_size(activation, truth, 'the CAM and the ground truth')
    classes = map_classes(classes, num_classes, bg_index)
    counted = np.asarray(truth) != ignore_index
    rows = class_indices(truth, num_classes, ignore_index, 'the ground truth')[counted]
    beneath = np.full(rows.shape, num_all)
    if all_mask is not None:
        same_size(all_mask, truth, 'the all-class mask and the ground truth')
        beneath = class_indices(all_mask, num_all, ignore_index, 'the all-class mask')[counted]
    passed = np.searchsorted(np.asarray(thresholds, np.float64), activation[counted], side='left')
    named = classes[winner[counted]] if len(classes) else np.full(rows.shape, bg_index)
    shape = (len(thresholds) + 1, num_classes, num_all + 1, num_classes)
    keys = np.ravel_multi_index((passed, rows, beneath, np.where(passed > 0, named, bg_index)), shape)
    keys, pixels = np.unique(keys, return_counts=True)
    return np.stack(np.unravel_index(keys, shape), 1).astype(np.int16), pixels.astype(np.int64)


@dataclass(frozen=True, eq=False)
class ImageCounts:
    """``image_cells`` of I images.

    Attributes:
        ids (list[str]): the images.
        thresholds (ndarray): (T,), ascending.
        num_classes, num_all, bg_index (int): C; A; the background's class.
        image (ndarray): (M,) int32, number of the image that a cell belongs to.
        cells, pixels (ndarray): of all images.
    """
    ids: list
    thresholds: np.ndarray
    num_classes: int
    num_all: int
    bg_index: int
    image: np.ndarray
    cells: np.ndarray
    pixels: np.ndarray

    @classmethod
    def of(cls, ids, found, thresholds, num_classes, num_all=0, bg_index=0):
        """From the ``image_cells`` of each image."""
        cells, pixels = zip(*found, strict=True)
        image = np.repeat(np.arange(len(ids), dtype=np.int32), [len(part) for part in cells])
        return cls(list(ids), np.asarray(thresholds, np.float64), num_classes, num_all, bg_index, image,
                   np.concatenate(cells), np.concatenate(pixels))

    @classmethod
    def joined(cls, parts):
        """The images of all ``parts``, one after the other; they have the same thresholds and classes."""
        first, before = parts[0], np.cumsum([0, *(len(part.ids) for part in parts)])
        image = np.concatenate([part.image + start for part, start in zip(parts, before, strict=False)])
        return cls([name for part in parts for name in part.ids], first.thresholds, first.num_classes, first.num_all,
                   first.bg_index, image.astype(np.int32), np.concatenate([part.cells for part in parts]),
                   np.concatenate([part.pixels for part in parts]))

    def confusions(self, position):
        """(I, C, C) int64 ``confusion`` of each image at the threshold of this position."""
        return self._count((self.image, self._truth, self._predicted(position)),
                           (len(self.ids), self.num_classes, self.num_classes))

    def stuff_confusions(self, position):
        """(I, C, A + 1) int64 ``stuff_confusion`` of each image at the threshold of this position."""
        predicted = self._predicted(position)
        return self._count((self.image, predicted, self.cells[:, 2]),
                           (len(self.ids), self.num_classes, self.num_all + 1), predicted != self._truth)

    def sweep(self):
        """The ``Sweep`` over all images."""
        shape = (self.num_classes, self.num_classes)
        return Sweep(self.thresholds, np.stack([self._count((self._truth, self._predicted(position)), shape)
                                                for position in range(len(self.thresholds))]))

    @property
    def _truth(self):
        return self.cells[:, 1]

    def _predicted(self, position):
        return np.where(self.cells[:, 0] > position, self.cells[:, 3], self.bg_index)

    def _count(self, columns, shape, wanted=slice(None)):
        keys = np.ravel_multi_index([np.asarray(column)[wanted] for column in columns], shape)
        counts = np.zeros(np.prod(shape), np.int64)
        np.add.at(counts, keys, self.pixels[wanted])
        return counts.reshape(shape)

    def save(self, path):
        """Writes the file, whole or not at all."""
        with atomic_path(path) as temporary, open(temporary, 'wb') as stream:
            np.savez_compressed(
                stream, ids=np.array(self.ids), thresholds=self.thresholds, image=self.image, cells=self.cells,
                pixels=self.pixels, sizes=np.array([self.num_classes, self.num_all, self.bg_index]))

    @classmethod
    def load(cls, path):
        """Of a file that ``save`` wrote; never unpickles. Raises InputError when unreadable."""
        existing(path, 'The counts')
        try:
            with np.load(path, allow_pickle=False) as content:
                sizes = [int(number) for number in content['sizes']]
                return cls(content['ids'].tolist(), content['thresholds'], *sizes, content['image'], content['cells'],
                           content['pixels'])
        except Exception as error:  # as in ``read_cam``: a damaged archive raises anything
            raise InputError(f'The counts {path} cannot be read ({error}). Delete the file and run again.') from error
