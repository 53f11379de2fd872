"""Masks from class activation maps by a background threshold, and the confusion at every threshold in one pass."""
from dataclasses import dataclass

import numpy as np

from mmfbr.evaluation.confusion import Scores, class_indices, same_size
from mmfbr.files import InputError

# Interpolation may pass the range by a rounding error; maps beyond this were never normalised.
ROUNDING = 1e-3


def mask_from_cam(cam, classes, threshold, bg_index=0):
    """Label of each pixel: the class of the strongest map where that map exceeds the threshold, else background.

    Args:
        cam: (K, H, W) activations in [0, 1]; K may be 0, and the mask is all background then.
        classes: (K,) class index of each map. Of equally strong maps the first wins.
        threshold: compared in double precision; an activation equal to it is background.
        bg_index: index that background gets.

    Returns:
        (H, W) uint8 class indices.

    Raises InputError for activations that are NaN or outside [0, 1], and for classes that do not fit the maps.
    """
    activation, winner = strongest(cam, classes)
    if not len(classes):
        return np.full(activation.shape, bg_index, np.uint8)
    return np.where(activation > threshold, np.asarray(classes)[winner], bg_index).astype(np.uint8)


def threshold_confusions(cam, classes, truth, thresholds, num_classes, bg_index=0, ignore_index=255):
    """``confusion(mask_from_cam(cam, classes, t, bg_index), truth)`` for all thresholds t, without making the masks.

    A pixel is foreground at just those thresholds that lie below its strongest activation. So one histogram over
    (number of such thresholds, true class, strongest class), summed up from its end, holds every count.

    Args:
        cam, classes, bg_index: as for ``mask_from_cam``.
        truth: (H, W) integer mask in [0, num_classes), or ``ignore_index`` where not counted.
        thresholds: T ascending numbers.

    Returns:
        (T, C, C) int64: threshold, true class, predicted class. A CAM leaves no pixel undecided.

    Raises InputError for what ``mask_from_cam`` refuses, classes or truth out of range, and a truth of another size;
    ValueError for thresholds out of order.
    """
    thresholds = np.asarray(thresholds, np.float64)
    if (np.diff(thresholds) < 0).any():
        raise ValueError('thresholds must be in ascending order')
    activation, winner = strongest(cam, classes)
    same_size(activation, truth, 'the CAM and the ground truth')
    classes = map_classes(classes, num_classes, bg_index)
    counted = np.asarray(truth) != ignore_index
    truth = class_indices(truth, num_classes, ignore_index, 'the ground truth')[counted]

    passed = np.searchsorted(thresholds, activation[counted], side='left')
    shape = (len(thresholds) + 1, num_classes, max(len(classes), 1))
    cells = np.ravel_multi_index((passed, truth, winner[counted]), shape)
    histogram = np.bincount(cells, minlength=np.prod(shape)).reshape(shape)
    foreground = histogram[:0:-1].cumsum(axis=0)[::-1, :, :len(classes)]

    counts = np.zeros((len(thresholds), num_classes, num_classes), np.int64)
    counts[:, :, classes] = foreground
    counts[:, :, bg_index] = np.bincount(truth, minlength=num_classes) - foreground.sum(axis=2)
    return counts


def strongest(cam, classes):
    """Highest activation of each pixel (H, W) float64, and the number of the map that has it (H, W)."""
    cam = np.asarray(cam)
    if cam.ndim != 3 or len(cam) != len(classes):
        raise InputError(f'the CAM has the shape {cam.shape} for {len(classes)} classes; it needs one (H, W) map each.')
    if not len(cam):
        return np.full(cam.shape[1:], -np.inf), np.zeros(cam.shape[1:], np.int64)
    activation = cam.max(axis=0).astype(np.float64)
    if not ((activation >= -ROUNDING) & (activation <= 1 + ROUNDING)).all():
        raise InputError('the CAM holds values that are NaN or outside [0, 1]; divide each map by its maximum.')
    return activation, cam.argmax(axis=0)


def map_classes(classes, num_classes, bg_index):
    """``classes`` (K,) of a CAM's maps as int64; raises InputError for what is no foreground class or comes twice."""
    classes = np.asarray(classes, np.int64)
    wrong = classes[(classes < 0) | (classes >= num_classes) | (classes == bg_index)]
    if wrong.size:
        raise InputError(f'the CAM has a map of class {wrong[0]}, but foreground classes are 0 to {num_classes - 1} '
                         f'without {bg_index}; give the class list of the model that made it.')
    if len(np.unique(classes)) < len(classes):
        raise InputError(f'the CAM has two maps of one class ({classes.tolist()}); make it again.')
    return classes


@dataclass(frozen=True, eq=False)
class Sweep:
    """Confusion counts (T, C, C) of a set of images at each of T ascending thresholds."""
    thresholds: np.ndarray
    counts: np.ndarray

    @property
    def scores(self):
        """Scores with a leading threshold axis: ``iou`` (T, C), ``mean_iou`` (T,)."""
        return Scores.of(self.counts)

    @property
    def best(self):
        """Position of the threshold with the highest mean IoU, the lowest of equals."""
        return int(np.nanargmax(self.scores.mean_iou))

    @property
    def best_threshold(self):
        return float(self.thresholds[self.best])

    def as_dict(self):
        """For JSON: the curve and its best point; values in [0, 1]."""
        scores = self.scores
        return {
            'best_threshold': self.best_threshold,
            'best_mean_iou': float(scores.mean_iou[self.best]),
            'thresholds': self.thresholds.tolist(),
            'mean_iou': scores.mean_iou.tolist(),
            'mean_precision': scores.mean_precision.tolist(),
            'mean_recall': scores.mean_recall.tolist()}
