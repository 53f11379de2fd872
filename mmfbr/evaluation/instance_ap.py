"""Average precision of instance masks: mAP^r of the VOC protocol (Hariharan et al., ECCV 2014), and COCO's beside it.

Predictions of a class are gone through in order of score. One is a hit when its mask overlaps a ground truth mask of
its class and image with an IoU of at least the threshold, each ground truth once; further predictions of it are false.

========  ====================================================  ====================================================
          ``voc``                                               ``coco`` (pycocotools)
========  ====================================================  ====================================================
partner   the ground truth of highest IoU; if that one is       the ground truth of highest IoU among those that are
          taken, the prediction is false                        left
area      all of the curve of interpolated precision            its mean at the recalls 0, 0.01, ..., 1
========  ====================================================  ====================================================

Above IoU 0.5 a mask has one possible partner where ground truth masks do not overlap, as VOC's, and both rules for it
are the same; below, ``voc`` never finds more. Two areas under one curve differ by at most 0.01. Interpolated precision
at a recall is the best at that recall or a higher one. Predictions that match nothing but ground truth that does not
count (crowd, difficult) are left out, and so are classes without ground truth from the mean.
"""
from dataclasses import dataclass

import numpy as np

from mmfbr.evaluation.confusion import json_number, mean_of_defined, percent

FALSE, HIT, ASIDE = 0, 1, -1
THRESHOLDS = (0.25, 0.5, 0.7, 0.75)


def match_voc(ious, counted, threshold):
    """What becomes of the D predictions of an image and class by the rule ``voc``.

    Args:
        ious: (D, G) overlaps with the ground truth, predictions in order of falling score.
        counted: (G,) bool, False for ground truth that does not count.
        threshold: IoU in (0, 1].

    Returns:
        (D,) int8: HIT, FALSE, or ASIDE for a prediction that is left out.
    """
    real, outcome, near = _sides(ious, counted, threshold)
    rows = np.flatnonzero(near)
    if rows.size:
        _, first = np.unique(real[rows].argmax(axis=1), return_index=True)
        outcome[rows[first]] = HIT
    return outcome


def match_coco(ious, counted, threshold):
    """The same by the rule ``coco``; of equal overlaps the last is taken, as pycocotools does."""
    real, outcome, near = _sides(ious, counted, threshold)
    free = np.ones(real.shape[1], bool)
    aside = ious[:, ~counted].max(axis=1, initial=0) >= threshold
    for row in np.flatnonzero(near):
        left = np.where(free, real[row], -1)
        best = left.size - 1 - left[::-1].argmax()
        if left[best] >= threshold:
            outcome[row], free[best] = HIT, False
        elif aside[row]:
            outcome[row] = ASIDE
    return outcome


def _sides(ious, counted, threshold):
    """Overlaps with what counts; ASIDE or FALSE for each prediction; which predictions reach what counts."""
    real = ious[:, counted]
    near = real.max(axis=1, initial=0) >= threshold
    aside = ~near & (ious[:, ~counted].max(axis=1, initial=0) >= threshold)
    return real, np.where(aside, ASIDE, FALSE).astype(np.int8), near


def interpolated(outcome, scores, positives):
    """The curve of interpolated precision over recall.

    Args:
        outcome: (D,) of all images, as the matching gives it.
        scores: (D,); equal ones stay in their order.
        positives: number of ground truth masks that count, at least 1.

    Returns:
        recall (N,) ascending and precision (N,) never rising, for the N predictions that are not ASIDE.
    """
    ranked = outcome[np.argsort(-scores, kind='stable')]
    hits = np.cumsum(ranked[ranked != ASIDE] == HIT)
    precision = hits / np.arange(1, hits.size + 1)
    return hits / positives, np.maximum.accumulate(precision[::-1])[::-1]


def area(recall, precision):
    """Area under the whole curve."""
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def mean_at_101(recall, precision):
    """Mean precision at 101 recalls; 0 at those that are not reached."""
    reached = np.searchsorted(recall, np.linspace(0, 1, 101), side='left')
    return float(np.append(precision, 0)[reached].mean())


CONVENTIONS = dict(voc=(match_voc, area), coco=(match_coco, mean_at_101))


def average_precisions(cases, thresholds, convention='voc'):
    """AP of one class at each threshold.

    Args:
        cases: of each image (scores (D,), ious (D, G), counted (G,) bool), in any order of the predictions.
        thresholds: the T thresholds of IoU.
        convention: 'voc' or 'coco'.

    Returns:
        (T,) in [0, 1]; NaN where no ground truth counts.
    """
    match, integral = CONVENTIONS[convention]
    positives = sum(int(counted.sum()) for _, _, counted in cases)
    if not positives:
        return np.full(len(thresholds), np.nan)
    ranked = []
    for scores, ious, counted in cases:
        order = np.argsort(-scores, kind='stable')
        ranked.append((scores[order], ious[order], counted))
    scores = np.concatenate([scores for scores, _, _ in ranked])
    return np.array([integral(*interpolated(
        np.concatenate([match(ious, counted, threshold) for _, ious, counted in ranked]), scores, positives))
        for threshold in thresholds])


@dataclass(frozen=True, eq=False)
class InstanceScores:
    """AP (T, C) in [0, 1] by threshold and class, NaN without ground truth, and the numbers of masks (C,)."""
    classes: list
    thresholds: tuple
    ap: np.ndarray
    truths: np.ndarray
    predictions: np.ndarray

    @property
    def mean(self):
        """(T,) mAP^r over the classes with ground truth."""
        return mean_of_defined(self.ap)

    def as_dict(self):
        """For JSON: values in [0, 1], None where undefined."""
        def at(values):
            return {f'{threshold:g}': json_number(value)
                    for threshold, value in zip(self.thresholds, values, strict=True)}
        return {'mean_ap': at(self.mean),
                'classes': [{'name': name, 'ap': at(self.ap[:, index]), 'truths': int(self.truths[index]),
                             'predictions': int(self.predictions[index])} for index, name in enumerate(self.classes)]}

    def table(self):
        """Plain text, one line a class and one for the means, in percent; a dash where undefined."""
        rows = [('class (%)', *(f'AP {threshold:g}' for threshold in self.thresholds), 'masks', 'predicted')]
        rows += [(name, *map(percent, self.ap[:, index]), str(self.truths[index]), str(self.predictions[index]))
                 for index, name in enumerate(self.classes)]
        rows.append(('mean', *map(percent, self.mean), str(self.truths.sum()), str(self.predictions.sum())))
        width = max(len(row[0]) for row in rows)
        return '\n'.join(f'{name:<{width}}' + ''.join(f'  {value:>9}' for value in values) for name, *values in rows)
