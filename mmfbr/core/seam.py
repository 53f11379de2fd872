"""SEAM on plain tensors: pixel correlation, equivariance of two views, minimum pooling (Wang et al., CVPR 2020)."""
import torch


@torch.no_grad()
def with_background(scores, bg_index):
    """``scores`` (N, C, H, W) in [0, 1] whose background is 1 minus the pixel's strongest foreground score."""
    scores = scores.clone()
    scores[:, bg_index] = 0
    scores[:, bg_index] = 1 - scores.amax(1)
    return scores


@torch.no_grad()
def strongest(scores, bg_index):
    """``scores`` (N, C, H, W), >= 0, of each pixel's strongest foreground class and of the background, else 0."""
    foreground = scores.clone()
    foreground[:, bg_index] = -1
    keep = foreground == foreground.amax(1, keepdim=True)
    keep[:, bg_index] = True
    return scores.where(keep, 0)


def correlate(maps, feature, valid, eps=1e-5):
    """The pixel correlation module: each pixel takes the mean of ``maps`` over all pixels like it (SEAM, section 3.3).

    Args:
        maps (Tensor): (N, C, H, W).
        feature (Tensor): (N, D, H, W); the weight of a pair is the cosine of its features where that is positive.
        valid (Tensor): (N, H, W) bool, pixels that may be taken from.

    Returns:
        Tensor: (N, C, H, W), with gradient to ``feature``.
    """
    unit = torch.nn.functional.normalize(feature.flatten(2), dim=1, eps=eps)
    refined = []
    # Image by image: at inference the square matrix of one image is the most that is held.
    for source, f, counts in zip(maps.flatten(2), unit, valid.flatten(1), strict=True):
        affinity = (f.T @ f).relu() * counts[:, None]
        refined.append(source @ (affinity / (affinity.sum(0, keepdim=True) + eps)))
    return torch.stack(refined).view_as(maps)


def equivariance(scores1, scores2, valid, bg_index):
    """L_ER (SEAM, section 3.4): mean absolute difference of two views' foreground scores, (N, C, H, W), where valid."""
    difference = (scores1 - scores2).abs() * valid[:, None]
    foreground = difference.sum() - difference[:, bg_index].sum()
    return foreground / (valid.sum() * (difference.shape[1] - 1)).clamp(min=1)


def cross_equivariance(scores, refined, valid, bg_index, share=0.2):
    """One direction of L_ECR (SEAM, section 3.4): how far a view's refined scores are from the other's strongest.

    Args:
        scores (Tensor): (N, C, H, W) of the other view, the target; its background is that of ``with_background``.
        refined (Tensor): (N, C, H, W) of PCM, background among them, at the same size.
        valid (Tensor): (N, H, W) bool.
        share (float): the mean is over this share of an image's scores, those that are furthest off.
    """
    target = strongest(with_background(scores, bg_index), bg_index)
    difference = ((target - refined).abs() * valid[:, None]).flatten(1)
    return difference.topk(max(1, int(share * difference.shape[1])), 1).values.mean()


def minimum_pooling(refined, present, valid, bg_index, share=0.25):
    """Mean over the images of the strongest foreground value of the ``share`` of pixels where it is least.

    It asks for a part of each image that no class claims (the released code's; the paper does not speak of it).

    Args:
        refined (Tensor): (N, C, H, W) of PCM; of classes that are not ``present`` (N, C) nothing counts.
    """
    counts = present.clone()
    counts[:, bg_index] = False
    claimed = (refined * counts[:, :, None, None]).amax(1).relu()
    least = claimed.masked_fill(~valid, torch.inf).flatten(1)
    least = least.topk(max(1, int(share * least.shape[1])), 1, largest=False).values
    inside = least.isfinite()
    return least.where(inside, 0).sum() / inside.sum().clamp(min=1)
