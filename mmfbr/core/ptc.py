"""Patch token contrast on plain tensors (Ru et al., "Token Contrast for WSSS", CVPR 2023)."""
import torch

from .contrast import unit
from .views import min_max

UNSURE = -1  # label of a token whose relations nobody is sure of


@torch.no_grad()
def token_labels(maps, present, valid, bg_index, low, high):
    """(N, H, W): the strongest class of an image's tokens where its score exceeds ``high``, the background where no
    score exceeds ``low``; ``UNSURE`` between the two and in padding.

    Args:
        maps (Tensor): raw class maps (N, C, H, W) of an intermediate layer; the background's channel is not read.
        present (Tensor): (N, C) bool, the image-level labels.
        valid (Tensor): (N, H, W) bool.
    """
    scores = min_max(maps, present, valid)
    scores[:, bg_index] = 0
    best, label = scores.max(1)
    label = label.where(best > high, UNSURE).where(best > low, bg_index)
    return label.where(valid, UNSURE)


def token_contrast(feature, labels):
    """Half the mean of 1 - |cosine| over the pairs of tokens with one label, and half the mean of |cosine| over the
    pairs with two.

    Pairs are of one image, of two different tokens, both sure. Where there is no pair of a kind its half is 0.

    Args:
        feature (Tensor): (N, D, H, W), the final tokens, with gradient.
        labels (Tensor): (N, H, W), of ``token_labels``.
    """
    token = unit(feature.flatten(2).transpose(1, 2))
    similarity = (token @ token.transpose(1, 2)).abs()
    label = labels.flatten(1)
    sure = label != UNSURE
    pair = (sure[:, :, None] & sure[:, None]).tril(-1)  # each once: the similarity is symmetric
    same = label[:, :, None] == label[:, None]

    def mean(values, which):
        return (values * which).sum() / which.sum().clamp(min=1)

    return (mean(1 - similarity, pair & same) + mean(similarity, pair & ~same)) / 2
