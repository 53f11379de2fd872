"""Pixel-to-prototype contrast across views and within a view, on plain tensors (Du et al., "PPC", CVPR 2022)."""
import torch

from .contrast import unit
from .sampler import prototypes
from .seam import with_background


@torch.no_grad()
def pixel_labels(scores, present, bg_index, bg_score):
    """(N, H, W): the strongest of an image's classes, the background where none exceeds ``bg_score``.

    Args:
        scores (Tensor): (N, C, H, W) in [0, 1], of ``min_max``; 0 for classes that are not ``present`` (N, C).
    """
    scores = scores.clone()
    scores[:, bg_index] = bg_score
    return scores.masked_fill(~present[:, :, None, None], -1).argmax(1)


@torch.no_grad()
def class_prototypes(embedding, scores, labels, valid, bg_index, divisor):
    """Unit means (C, D) of the best H * W / ``divisor`` pixels of each class in the batch, and (C,) which exist.

    The background, whose score is a constant, is best where the foreground is weakest.

    Args:
        embedding (Tensor): (N, D, H, W), of one view.
        scores (Tensor): (N, C, H, W) in [0, 1]; labels (Tensor): (N, H, W), of ``pixel_labels``.
    """
    means, exists = prototypes(embedding.permute(0, 2, 3, 1), with_background(scores, bg_index), labels, valid, None,
                               divisor)
    return unit(means), exists


def prototype_contrast(embedding, means, exists, labels, valid, tau):
    """-log softmax at a pixel's own class of its cosines to all prototypes over tau, mean over pixels.

    Across views either ``means`` (C, D) or ``labels`` (N, H, W) are the other view's.

    Args:
        embedding (Tensor): (N, D, H, W), with gradient.
        exists (Tensor): (C,) bool; pixels whose class has no prototype do not count.
        valid (Tensor): (N, H, W) bool.
    """
    logits, own, counts = _logits(embedding, means, exists, labels, valid, tau)
    loss = (logits.logsumexp(1) - logits.gather(1, own[:, None])[:, 0])
    return loss.where(counts, 0).sum() / counts.sum().clamp(min=1)


def intra_view_contrast(embedding, means, exists, labels, valid, tau, hard=0.6, kept=0.5, generator=None):
    """The contrast within a view, against semi-hard prototypes and on hard pixels.

    Of the other prototypes a pixel meets the share ``kept``: of its share ``hard`` of closest ones those that are left
    when the very closest, which may be its true class, are taken out. Numbers are rounded. Of a class's n pixels n // 2
    are drawn at random, and n // 2 are of the share ``hard`` least similar to its prototype, again without the very
    least similar. The loss is the mean over classes.

    Args:
        as ``prototype_contrast``, all of one view.
        generator (torch.Generator | None): of the random pixels.
    """
    logits, own, counts = _logits(embedding, means, exists, labels, valid, tau)
    positive = logits.gather(1, own[:, None])
    others = logits.scatter(1, own[:, None], -torch.inf)
    number = exists.sum() - 1  # of a pixel's negatives
    ranked = others.sort(1, descending=True).values
    rank = torch.arange(ranked.shape[1], device=ranked.device)
    last = (hard * number + 0.5).floor()
    chosen = (rank >= last - (kept * number + 0.5).floor()) & (rank < last)
    negatives = ranked.masked_fill(~chosen, -torch.inf)
    loss = torch.cat([positive, negatives], 1).logsumexp(1) - positive[:, 0]
    with torch.no_grad():
        weight = _pixel_weights(positive[:, 0], own, counts, len(means), hard, generator)
    return (loss * weight).where(weight > 0, 0).sum() / (weight.sum()).clamp(min=1)


def _logits(embedding, means, exists, labels, valid, tau):
    """Cosines over tau to the prototypes (P, C), -inf where there is none; own class (P,); which pixels count (P,)."""
    pixels = unit(embedding.permute(0, 2, 3, 1).flatten(0, 2))
    own = labels.flatten()
    counts = valid.flatten() & exists[own]
    # A pixel that does not count stays finite, and with it the gradient of the others.
    usable = exists | ~counts[:, None]
    return (pixels @ means.T / tau).masked_fill(~usable, -torch.inf), own, counts


def _pixel_weights(similarity, own, counts, num_classes, hard, generator):
    """(P,) weights of the pixels: each class with two or more sums to 1."""
    group = own.where(counts, num_classes)
    size = torch.bincount(group, minlength=num_classes + 1)
    half = size // 2
    half[num_classes] = 0
    drawn = torch.rand(len(own), generator=generator, device=own.device)
    at_random = _rank(drawn, group, size) < half[group]
    last = (hard * size).long().maximum(half)
    rank = _rank(similarity, group, size)
    semi_hard = (rank >= (last - half)[group]) & (rank < last[group])
    return (at_random.float() + semi_hard.float()) / (2 * half[group]).clamp(min=1)


def _rank(values, group, size):
    """(P,) rank of each value in its group, ascending."""
    order = values.argsort()
    order = order[group[order].argsort(stable=True)]
    place = torch.arange(len(order), device=order.device)
    return torch.empty_like(place).scatter_(0, order, place - (size.cumsum(0) - size)[group[order]])
