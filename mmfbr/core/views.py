"""What a host knows about the pixels of a batch: the scores, probabilities and labels that sampling reads."""
from dataclasses import dataclass

import torch
from torch import Tensor

from . import sync


@dataclass(frozen=True)
class PixelView:
    """A host's view of one batch at the size of the embeddings; nothing in it carries a gradient.

    Attributes:
        scores (Tensor): S, (N, C, H, W) in [0, 1].
        probabilities (Tensor): P, (N, C, H, W), for the entropy.
        labels (Tensor): y, (N, H, W) int64 in [0, C); whatever it says where ``valid`` is false is not read.
        valid (Tensor): (N, H, W) bool, neither ignored nor padding.
        background_target (Tensor | None): (N, H, W) bool, Eq. 6's target; None without a background.
        rate (float): rank of the ascending scores above which a pixel is sure.
        quantile (float): quantile of an image's entropy below which a pixel is sure.
        prototype_divisor (int): a prototype is taken from H * W / divisor pixels.
    """
    scores: Tensor
    probabilities: Tensor
    labels: Tensor
    valid: Tensor
    background_target: Tensor | None
    rate: float
    quantile: float
    prototype_divisor: int


@torch.no_grad()
def cam_view(cam, present, valid, bg_index=0, bg_score=0.2, temperature=1.0):
    """The view of a CAM host (method: symbols S, P, y).

    Args:
        cam (Tensor): raw class maps (N, C, H, W); the background's channel is not read.
        present (Tensor): (N, C) bool, the image-level labels.
        valid (Tensor): (N, H, W) bool.
        bg_index (int): the background's class.
        bg_score (float): constant score of the background, in [0, 1].
        temperature (float): P is the softmax of S / temperature; 1 is the method's.
    """
    scores = cam_scores(cam, present, valid, bg_index, bg_score)
    return PixelView(scores, cam_probabilities(scores / temperature, present, bg_index), scores.argmax(1), valid,
                     background_target(scores, bg_index), rate=0.6, quantile=0.10, prototype_divisor=16)


def cam_scores(cam, present, valid, bg_index, bg_score):
    """S of a CAM host (N, C, H, W): ``min_max`` of the class maps, and the background's constant score."""
    scores = min_max(cam, present, valid)
    scores[:, bg_index] = bg_score
    return scores


def min_max(maps, present, valid):
    """Maps (N, C, H, W) after ReLU and min-max over an image's valid pixels; 0 for absent classes and flat maps."""
    maps = maps.clamp(min=0)
    low = maps.masked_fill(~valid[:, None], torch.inf).amin((2, 3), keepdim=True)
    high = maps.masked_fill(~valid[:, None], -torch.inf).amax((2, 3), keepdim=True)
    usable = present[:, :, None, None] & (high > low)
    return torch.where(usable, ((maps - low) / torch.where(usable, high - low, 1)).clamp(0, 1), maps.new_zeros(()))


def normalise_by_max(maps, eps=1e-5):
    """Non-negative maps (..., H, W) divided by their maximum, in [0, 1]; flat zero stays zero."""
    return maps / maps.amax((-2, -1), keepdim=True).clamp(min=eps)


def resize(maps, size):
    """Bilinear resize of (N, C, H, W), pixel centres aligned."""
    size = tuple(size)
    if tuple(maps.shape[2:]) == size:
        return maps
    return torch.nn.functional.interpolate(maps, size, mode='bilinear', align_corners=False)


def cam_probabilities(scores, present, bg_index):
    """P of a CAM host (N, C, H, W): softmax of S over the background and an image's present classes, 0 for others."""
    absent = ~present
    absent[:, bg_index] = False
    return scores.masked_fill(absent[:, :, None, None], -torch.inf).softmax(1)


def background_target(scores, bg_index, threshold=0.05):
    """(N, H, W) bool: pixels whose foreground scores sum to less than ``threshold`` (Eq. 6, CAM host)."""
    foreground = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device)
    foreground[bg_index] = False
    return (scores * foreground[:, None, None]).sum(1) < threshold


@torch.no_grad()
def segmentation_view(logits, label, size, bg_index=0, ignore_index=255):
    """The view of a segmentation host (method: symbols S, P, y).

    Args:
        logits (Tensor): (N, C, h, w), or (N, 1, h, w) for a binary head, whose S is (1 - sigmoid, sigmoid).
        label (Tensor): (N, h, w) int, the label given to the loss.
        size (tuple[int, int]): (H, W) of the embeddings.
        bg_index (int | None): the background's class; None when the data has none.
        ignore_index (int | None): label of pixels that do not count.

    Raises:
        ValueError: when a label is neither a class nor ``ignore_index``. The check runs where it is free: on the CPU.
    """
    classes = max(logits.shape[1], 2)
    probabilities = _resized_probabilities(logits.float() if logits.dtype.itemsize < 4 else logits, size)
    label = torch.nn.functional.interpolate(label[:, None].float(), size, mode='nearest')[:, 0].long()
    valid = torch.ones_like(label, dtype=torch.bool) if ignore_index is None else label != ignore_index
    wrong = valid & ((label < 0) | (label >= classes))
    if sync.is_free(label) and wrong.any():
        raise ValueError(f'FBRLoss: label {label[wrong][0].item()} is neither one of the {classes} classes nor '
                         f'ignore_index ({ignore_index}). Check the masks, num_classes and ignore_index.')
    label = label.where(valid, 0)
    return PixelView(probabilities, probabilities, label, valid, None if bg_index is None else label == bg_index,
                     rate=0.4, quantile=0.25, prototype_divisor=32)


def _resized_probabilities(logits, size):
    """Bilinear resize (``align_corners=False``) of the class probabilities of ``logits``, as (N, C, H, W).

    Only the two rows and two columns that an output pixel mixes are looked at: at stride 16 that is 1/64 of a softmax
    over the full image, with the same result.
    """
    if tuple(logits.shape[2:]) == tuple(size) and logits.shape[1] > 1:
        return logits.softmax(1)
    corners, shares = zip(*(_taps(n, m, logits) for n, m in zip(logits.shape[2:], size, strict=True)), strict=True)
    near = logits[:, :, corners[0][:, None], corners[1]]
    if near.shape[1] == 1:
        near = torch.cat([torch.zeros_like(near), near], 1)  # softmax of (0, x) is (1 - sigmoid(x), sigmoid(x))
    near = near.softmax(1)
    rows = torch.lerp(near[:, :, :size[0]], near[:, :, size[0]:], shares[0][:, None])
    return torch.lerp(rows[..., :size[1]], rows[..., size[1]:], shares[1])


def _taps(length, out, like):
    """Of ``out`` samples along ``length`` pixels the lower, then the upper neighbours (2 * out,); the upper's share."""
    position = ((torch.arange(out, device=like.device, dtype=torch.float64) + 0.5) * (length / out) - 0.5).clamp(min=0)
    low = position.long().clamp(max=length - 1)
    return torch.cat([low, (low + 1).clamp(max=length - 1)]), (position - low).to(like.dtype)
