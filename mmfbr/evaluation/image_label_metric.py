"""Mean average precision of image-level class scores: validation of a CAM classifier without pixel masks."""
import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmfbr.files import InputError


def average_precision(scores, positives):
    """Area under the precision-recall curve as the sum of precision times gain in recall, without interpolation.

    Args:
        scores: (N,) numbers, the higher the more certain; equal scores enter the ranking together.
        positives: (N,) bool.

    Returns:
        A number in (0, 1]; NaN without positives or with a score that is NaN.
    """
    if not positives.any() or np.isnan(scores).any():
        return float('nan')
    order = np.argsort(-scores, kind='stable')
    last_of_equals = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(positives[order])[last_of_equals]
    seen = np.flatnonzero(last_of_equals) + 1
    return float(np.sum(np.diff(hits, prepend=0) * hits / seen) / hits[-1])


class ImageLabelMetric(BaseMetric):
    """Mean over the foreground classes of the average precision, in percent, as ``image_label/mAP``.

    Each data sample holds ``pred_label.score`` (C,), a score of each class, and ``gt_label.multi_hot`` (C,), nonzero
    for the classes in the image. Classes without a positive image are left out of the mean; it is NaN if none has one.

    Args:
        bg_index: column of the background, which is left out; None when there is none.
        collect_device, prefix: as for mmengine's BaseMetric.

    Raises InputError when a sample's scores and labels differ in length.
    """
    default_prefix = 'image_label'

    def __init__(self, bg_index=0, collect_device='cpu', prefix=None):
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.bg_index = bg_index

    def process(self, data_batch, data_samples):
        for sample in data_samples:
            score, labels = _array(sample['pred_label']['score']), _array(sample['gt_label']['multi_hot'])
            if score.shape != labels.shape:
                raise InputError(f'The model scores {score.size} classes and the labels name {labels.size}; '
                                 'set num_classes of the head to the number of classes of the data set.')
            self.results.append((score, labels > 0))

    def compute_metrics(self, results):
        scores, labels = (np.stack(column) for column in zip(*results, strict=True))
        precisions = [average_precision(scores[:, c], labels[:, c])
                      for c in range(labels.shape[1]) if c != self.bg_index and labels[:, c].any()]
        return {'mAP': 100 * float(np.mean(precisions)) if precisions else float('nan')}


def _array(values):
    return torch.as_tensor(values).detach().float().cpu().numpy()
