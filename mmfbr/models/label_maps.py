"""Label maps of a batch at the size of a feature map."""
import torch
from torch.nn import functional as F


def label_maps(samples, size):
    """Labels (N, H, W) int64 of mmseg's samples, nearest to the cells of a map of ``size`` (H, W).

    Raises:
        ValueError: when the samples carry no label maps.
    """
    if not all('gt_sem_seg' in sample for sample in samples):
        raise ValueError('Affinities are learned from label maps and the samples carry none: load them with '
                         'LoadCheckedAnnotations and end the pipeline with PackSegInputs.')
    labels = torch.stack([sample.gt_sem_seg.data for sample in samples])  # (N, 1, H, W)
    return F.interpolate(labels.float(), tuple(size), mode='nearest')[:, 0].long()
