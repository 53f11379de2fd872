"""A 1x1 classifier of the pixels of a feature map, for hosts whose heads give no map of class scores."""
import torch
from torch import nn
from torch.nn import functional as F

from mmfbr.core.stream import isolated


def pixel_classifier(in_channels, classes, key):
    """A 1x1 convolution to ``classes`` channels; ``key`` is part of the seed, the global stream is left alone."""
    with isolated(key, torch.initial_seed()):
        classifier = nn.Conv2d(in_channels, classes, 1)
        nn.init.normal_(classifier.weight, std=0.01)
        nn.init.zeros_(classifier.bias)
    return classifier


def pixel_cross_entropy(logits, labels, ignore_index):
    """Mean cross-entropy of ``logits`` (N, C, H, W) over the cells of ``labels`` (N, H, W) that are not
    ``ignore_index``; a connected 0 when there is none."""
    summed = F.cross_entropy(logits.float(), labels, ignore_index=ignore_index, reduction='sum')
    return summed / (labels != ignore_index).sum().clamp(min=1)
