"""Counts of (true class, predicted class) pixels, and the IoU, precision and recall that follow from them."""
import math
from dataclasses import dataclass

import numpy as np

from mmfbr.files import InputError


def class_indices(mask, count, ignore_index, what):
    """``mask`` as int64, with ``count`` wherever it holds an ``ignore_index`` outside [0, count).

    Raises InputError, naming ``what`` and the value, for any other value outside [0, count).
    """
    indices = np.asarray(mask).astype(np.int64, casting='same_kind')
    outside = (indices < 0) | (indices >= count)
    unknown = indices[outside & (indices != ignore_index)]
    if unknown.size:
        raise InputError(f'{what} holds the value {unknown[0]}, but {count} classes have the indices 0 to {count - 1} '
                         f'({ignore_index} is void); give the class list it was made with, background included.')
    indices[outside] = count
    return indices


def same_size(first, second, what):
    """Raises InputError when the masks ``first`` and ``second`` differ in shape; ``what`` names both in the message."""
    if np.shape(first) != np.shape(second):
        raise InputError(f'{what} differ in size, {np.shape(first)} and {np.shape(second)} (height, width); '
                         'write both at the size of the image.')


def confusion(prediction, truth, num_classes, ignore_index=255):
    """Pixels of one image by true and predicted class.

    Args:
        prediction, truth: integer masks (H, W) with class indices in [0, num_classes), or ``ignore_index``.
        num_classes: C, background included.
        ignore_index: truth that is not counted. A *prediction* of this value is a pixel left undecided: it is counted
            as a miss of its true class and as no positive of any class, as mmseg's IoUMetric does.

    Returns:
        (C, C + 1) int64: rows are the truth, columns the prediction, the last column the undecided pixels.

    Raises InputError for masks of different size or with other values.
    """
    same_size(prediction, truth, 'the prediction and the ground truth')
    counted = np.asarray(truth) != ignore_index
    rows = class_indices(truth, num_classes, ignore_index, 'the ground truth')[counted]
    columns = class_indices(prediction, num_classes, ignore_index, 'the prediction')[counted]
    cells = np.bincount(rows * (num_classes + 1) + columns, minlength=num_classes * (num_classes + 1))
    return cells.reshape(num_classes, num_classes + 1)


def ratio(part, whole):
    """``part / whole`` in float64: NaN for 0 / 0, infinite for another number over 0, without a warning."""
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.true_divide(part, whole)


def mean_of_defined(values):
    """Mean over the last axis of the entries that are not NaN; NaN where there are none."""
    return ratio(np.nansum(values, axis=-1), np.count_nonzero(~np.isnan(values), axis=-1))


def json_number(value):
    """``value`` as a float, or None (JSON's null) when it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class Scores:
    """Per-class scores (..., C) in [0, 1], NaN where undefined, that is 0 / 0, as in mmseg.

    IoU is undefined for a class found neither in truth nor prediction, precision for one that was never predicted,
    recall for one that is not in the truth. The means pass over the undefined entries.
    """
    iou: np.ndarray
    precision: np.ndarray
    recall: np.ndarray

    @classmethod
    def of(cls, counts):
        """Scores of (..., C, C) or (..., C, C + 1) counts as ``confusion`` makes them, summed over any images."""
        counts = np.asarray(counts)
        hits = np.diagonal(counts, axis1=-2, axis2=-1)
        true = counts.sum(axis=-1)
        predicted = counts.sum(axis=-2)[..., :true.shape[-1]]
        return cls(ratio(hits, true + predicted - hits), ratio(hits, predicted), ratio(hits, true))

    @property
    def mean_iou(self):
        return mean_of_defined(self.iou)

    @property
    def mean_precision(self):
        return mean_of_defined(self.precision)

    @property
    def mean_recall(self):
        return mean_of_defined(self.recall)

    def as_dict(self, class_names):
        """For JSON: means and a list of classes, values in [0, 1], None where undefined."""
        return {
            'mean_iou': json_number(self.mean_iou),
            'mean_precision': json_number(self.mean_precision),
            'mean_recall': json_number(self.mean_recall),
            'classes': [{'name': name, 'iou': json_number(iou), 'precision': json_number(precision),
                         'recall': json_number(recall)}
                        for name, iou, precision, recall in self._by_class(class_names)]}

    def table(self, class_names):
        """Plain text, one line a class and one for the means, in percent; a dash where undefined."""
        rows = [('class (%)', 'IoU', 'precision', 'recall')]
        rows += [(name, *map(percent, values)) for name, *values in self._by_class(class_names)]
        rows.append(('mean', *map(percent, (self.mean_iou, self.mean_precision, self.mean_recall))))
        width = max(len(row[0]) for row in rows)
        return '\n'.join(f'{name:<{width}}  {iou:>6}  {precision:>9}  {recall:>6}'
                         for name, iou, precision, recall in rows)

    def _by_class(self, class_names):
        return zip(class_names, self.iou, self.precision, self.recall, strict=True)


def percent(value):
    return f'{100 * value:.2f}' if math.isfinite(value) else '-'
