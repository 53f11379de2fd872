"""Where the instances of an image come from: pseudo masks and CAMs, or masks of true objects."""
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmfbr.evaluation import image_ids, map_classes, mask_from_cam
from mmfbr.files import InputError, require_files
from mmfbr.image_files import IGNORE, check_mask_values, read_cam, read_mask

SIZE = 'Give masks and CAMs that were made of this image, at its size.'


class Instance(NamedTuple):
    """One object: the index of its class, ``mask`` (H, W) bool with at least one pixel, and ``score`` in [0, 1]."""
    class_index: int
    mask: np.ndarray
    score: float


class PseudoInstances:
    """Instances by a ``method`` of the classes' regions in the masks, or in the CAMs cut at a threshold.

    The score of an instance is the mean of its class's CAM inside it, or 1 where there are no CAMs.

    Args:
        num_classes (int): C, the background included.
        method (Components | Peaks): divides a class's region.
        masks (str | Path | None): folder of ID.png, class indices; 255 belongs to no instance.
        cams (str | Path | None): folder of ID.npz CAM files.
        threshold (float): cuts the CAMs where there are no masks.
        bg_index (int): the background's index.

    Raises:
        InputError: there is neither, or no CAM for a method that needs one.
    """

    def __init__(self, num_classes, method, masks=None, cams=None, threshold=0.3, bg_index=0):
        if masks is None and cams is None:
            raise InputError('There is nothing to make instances of: give a folder of masks, of CAM files, or both.')
        if method.needs_cam and cams is None:
            raise InputError(f'The method {method.name!r} divides regions by their CAM: give the folder of the CAM '
                             'files that tools/make_pseudo_masks.py wrote with --cam-dir, or choose components.')
        self.num_classes, self.method, self.masks, self.cams = num_classes, method, masks, cams
        self.threshold, self.bg_index = checked_threshold(threshold), bg_index

    def ids(self, list_file=None):
        """The images of a list, or all that have a file; raises InputError when one has none."""
        folder, suffix = (self.masks, '.png') if self.masks else (self.cams, '.npz')
        ids = image_ids(folder, list_file, suffix, 'The folder of masks' if self.masks else 'The folder of CAM files')
        if self.masks:
            require_files(self.masks, ids, '.png', 'mask')
        if self.cams:
            require_files(self.cams, ids, '.npz', 'CAM file')
        return ids

    def __call__(self, image_id, size):
        """[``Instance``, ...] of an image of ``size`` (height, width), class by class."""
        cams, cut = {}, None
        if self.cams:
            cam, classes, cut = checked_cam(self.cams, image_id, size, self.num_classes, self.bg_index, self.threshold)
            cams = dict(zip(classes.tolist(), cam, strict=True))
        mask = _labels(self.masks, image_id, size, self.num_classes) if self.masks else cut
        found = []
        for index in np.unique(mask).tolist():
            if index in (self.bg_index, IGNORE):
                continue
            if self.cams and index not in cams:
                raise InputError(f'The mask has pixels of class {index}, of which {Path(self.cams, image_id)}.npz has '
                                 'no map. Make masks and CAM files in one call.')
            cam = cams.get(index)
            labels = self.method(mask == index, cam)
            for number in range(1, labels.max() + 1):
                inside = labels == number
                score = 1.0 if cam is None else float(cam[inside].mean(dtype=np.float64))
                found.append(Instance(index, inside, min(max(score, 0.0), 1.0)))
        return found


class TrueInstances:
    """Instances as PASCAL VOC has them: a mask of object numbers beside one of classes.

    Each number but 0 and 255 is an instance; its class is the one that most of its pixels have. Pixels that are 255 in
    either mask belong to none. The score is 1. ``remarks`` holds a sentence about each number that does not fit.

    Args:
        classes (list[str]): names of the C classes, the background included.
        masks (str | Path): folder of ID.png, class indices.
        objects (str | Path): folder of ID.png, object numbers.
        bg_index (int): the background's index.
    """

    def __init__(self, classes, masks, objects, bg_index=0):
        self.classes, self.masks, self.objects, self.bg_index = classes, masks, objects, bg_index
        self.remarks = []

    def ids(self, list_file=None):
        """As of ``PseudoInstances``."""
        ids = image_ids(self.objects, list_file, what='The folder of object masks')
        require_files(self.objects, ids, '.png', 'object mask')
        require_files(self.masks, ids, '.png', 'class mask')
        return ids

    def __call__(self, image_id, size):
        """[``Instance``, ...] of an image of ``size`` (height, width), by their numbers."""
        labels = _labels(self.masks, image_id, size, len(self.classes))
        objects = np.where(labels == IGNORE, IGNORE, _labels(self.objects, image_id, size))
        found = []
        for number in np.unique(objects).tolist():
            if number in (0, IGNORE):
                continue
            inside = objects == number
            counts = np.bincount(labels[inside])
            index, name = int(counts.argmax()), f'{image_id}: object {number}'
            if index == self.bg_index:
                self.remarks.append(f'{name} lies on background; it is left out.')
                continue
            if (counts > 0).sum() > 1:
                covered = (f'{self.classes[other]} ({counts[other]} pixels)' for other in np.flatnonzero(counts))
                self.remarks.append(f'{name} covers {", ".join(covered)}; its class is {self.classes[index]}.')
            found.append(Instance(index, inside, 1.0))
        return found


def checked_threshold(threshold):
    """``threshold``; raises InputError unless values from 0 to 1 can be compared with it."""
    if not 0 <= threshold <= 1:
        raise InputError(f'The threshold is compared with values from 0 to 1; it is {threshold}.')
    return threshold


def checked_cam(folder, image_id, size, num_classes, bg_index, threshold=0.0):
    """(maps (K, H, W), classes (K,), mask cut at ``threshold``) of the CAM file of an image of ``size``; raises
    InputError for a file of something else."""
    path = Path(folder, f'{image_id}.npz')
    cam, classes = read_cam(path)
    if cam.shape[1:] != tuple(size):
        raise InputError(f'The CAM file {path} has {cam.shape[2]} x {cam.shape[1]} pixels, its image {size[1]} x '
                         f'{size[0]}. {SIZE}')
    try:
        classes = map_classes(classes, num_classes, bg_index)
        return cam, classes, mask_from_cam(cam, classes, threshold, bg_index)
    except InputError as error:
        raise InputError(f'The CAM file {path}: {error}') from error


def _labels(folder, image_id, size, num_classes=None):
    path = Path(folder, f'{image_id}.png')
    mask = read_mask(path)
    check_mask_values(mask, path, num_classes, size, SIZE)
    return mask
