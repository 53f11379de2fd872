"""Random walk over a pixel map: scores are carried on along affinities, as in AffinityNet and IRN."""
import math

import torch
from torch.nn import functional as F

from .affinity import offsets, path_affinities, window

# Terms of the expansion of a power that are left out weigh less than this together, a bit of float32.
LEFT_OUT = 2.0**-24
# On a CPU, values that are walked together: so many torch leaves to one thread. More cores serve more images.
TOGETHER = 2**15


def transitions(affinity, size, radius, beta=1.0):
    """Weights (O, H, W) with which each pixel takes the score of its neighbours; they sum to 1 over O.

    Args:
        affinity (Tensor): (P,) affinities in [0, 1] of the pairs within ``radius`` (``affinity``); that of a pixel
            with itself is 1, that with anything outside of the map 0.
        size (tuple[int, int]): (H, W) of the map.
        beta (float): power that they are raised to.

    Returns:
        tuple[Tensor, list]: the weights, and the offset (dy, dx) of each.
    """
    weights, places, start = [torch.ones(size, dtype=affinity.dtype, device=affinity.device)], [(0, 0)], 0
    for offset in offsets(radius):
        ahead, back = torch.zeros(2, *size, dtype=affinity.dtype, device=affinity.device)
        first = window(ahead, offset)
        own = affinity[start:start + first.numel()].view(first.shape)**beta
        first.copy_(own)
        window(back, offset, offset).copy_(own)
        weights += [ahead, back]
        places += [offset, (-offset[0], -offset[1])]
        start += first.numel()
    weights = torch.stack(weights)
    return weights / weights.sum(0), places


def power_coefficients(steps):
    """[c_0, ..., c_d] with x^steps = sum of c_k T_k(x) on [-1, 1] but for an error below ``LEFT_OUT``.

    T_k are Chebyshev's polynomials; c_k is how likely a walk of ``steps`` fair steps of 1 ends k away from its start,
    so that d is about sqrt(32 steps) and not ``steps`` (Sachdeva and Vishnoi, 2014, theorem 3.3).
    """
    ends = [0.0 if (steps - k) % 2 else math.comb(steps, (steps - k) // 2) / 2**steps * (2 if k else 1)
            for k in range(steps + 1)]
    degree, rest = steps, 0.0
    while degree and rest + ends[degree] < LEFT_OUT:
        rest += ends[degree]
        degree -= 1
    kept = ends[:degree + 1]
    return [value / sum(kept) for value in kept]  # a constant stays one


@torch.no_grad()
def random_walk(scores, affinity, radius, beta=10.0, steps=256):
    """The scores (K, H, W) after ``steps`` steps, in each of which a pixel takes the mean of its neighbours' scores.

    That is T^steps times scores, as IRN and AffinityNet propagate, without the matrix. T, whose rows are the weights of
    ``transitions``, is similar to a symmetric matrix with eigenvalues in [-1, 1], where few terms of Chebyshev's
    expansion make a high power. Memory grows with H W radius^2.

    Args:
        scores (Tensor): (K, H, W), not negative; K may be 0.
        affinity, radius, beta: as for ``transitions``.
        steps (int): from 0.
    """
    if not len(scores):
        return scores
    walk = transitions(affinity, scores.shape[-2:], radius, beta)
    count = len(scores) if scores.is_cuda else max(1, TOGETHER // scores[0].numel())
    return torch.cat([_walked(some, *walk, radius, steps) for some in scores.split(count)])


def _walked(scores, weights, places, radius, steps):
    height, width = scores.shape[-2:]
    padded = F.pad(scores, [radius] * 4)
    inside = padded[:, radius:-radius, radius:-radius]

    def step(x):
        inside.copy_(x)
        total = torch.zeros_like(x)
        for weight, (dy, dx) in zip(weights, places, strict=True):
            total.addcmul_(weight, padded[:, radius + dy:radius + dy + height, radius + dx:radius + dx + width])
        return total

    coefficients = power_coefficients(steps)
    before, now = None, scores
    total = coefficients[0] * scores
    for coefficient in coefficients[1:]:
        before, now = now, step(now) if before is None else step(now).mul_(2).sub_(before)
        if coefficient:
            total.add_(now, alpha=coefficient)
    return total.clamp_(min=0)  # the terms have both signs


def boundary_walk(scores, boundary, radius=5, beta=10.0, steps=256):
    """IRN's propagation: ``scores`` (K, H, W) off the ``boundary`` (H, W) in [0, 1] walk along its path affinities."""
    affinity, = path_affinities(boundary[None], radius)
    return random_walk(scores * (1 - boundary), affinity, radius, beta, steps)

def reduced(cam, size):
    """Maps (K, h, w) of ``size``, means over what their cells cover of ``cam`` (K, H, W)."""
    return F.interpolate(cam[None], tuple(size), mode='area')[0]


def enlarged(maps, size):
    """Maps (K, H, W) of ``size`` from ``maps`` (K, h, w) of every so many pixels, a power of two, rounded up."""
    stride = 1
    while any(-(-side // stride) > cells for side, cells in zip(size, maps.shape[1:], strict=True)):
        stride *= 2
    maps = F.interpolate(maps[None], scale_factor=stride, mode='bilinear', align_corners=False)[0]
    return maps[:, :size[0], :size[1]]
