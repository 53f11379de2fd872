"""Saliency maps of a batch at the size of its feature maps."""
import torch
from torch.nn import functional as F

from mmfbr.core.views import resize


def stack_saliency(samples, like):
    """(N, H, W) in [0, 1] of the samples' ``gt_saliency`` (1, h, w), at the size of ``like`` (N, C, H, W).

    The preprocessor pads images, not saliency maps: they are padded here in the same way, with 0. None when the samples
    have none.
    """
    if not all('gt_saliency' in sample for sample in samples):
        return None
    maps = []
    for sample in samples:
        saliency = sample.gt_saliency.data[None].to(like.device, torch.float32) / 255
        maps.append(resize(F.pad(saliency, sample.metainfo.get('padding_size', (0, 0, 0, 0))), like.shape[2:]))
    return torch.cat(maps)[:, 0]
