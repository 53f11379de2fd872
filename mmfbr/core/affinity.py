"""Relations of near pixels, as AffinityNet and IRN learn them: pairs within a radius, their affinities and losses.

A pair is a pixel and one that lies at an offset (dy, dx) from it, below it or right of it in its row, less than
``radius`` away. Tensors over pairs, (..., P), hold them offset by offset, each row by row.
"""
from functools import lru_cache
from typing import NamedTuple

import torch

EPSILON = 1e-5


class Relations(NamedTuple):
    """What labels say of each pair, (N, P) bool each: both background, both of one class, of two classes."""
    background: torch.Tensor
    foreground: torch.Tensor
    different: torch.Tensor


@lru_cache
def offsets(radius):
    """((dy, dx), ...) of all pairs; half of a disc, without its centre and its rim."""
    reach = range(-radius + 1, radius)
    return tuple((dy, dx) for dy in range(radius) for dx in reach
                 if dy * dy + dx * dx < radius * radius and (dy > 0 or dx > 0))


@lru_cache
def path(dy, dx):
    """((y, x), ...) from a pixel to the one at (dy, dx): those between them that the line passes nearer than 1."""
    columns = range(min(dx, 0), max(dx, 0) + 1)
    return tuple((y, x) for y in range(dy + 1) for x in columns if (dy * x - dx * y)**2 < dy * dy + dx * dx)


def window(x, offset, step=(0, 0)):
    """What lies at ``step`` from the first pixels of the pairs of an offset, in a map (..., H, W); at (0, 0) these
    themselves, at the offset their partners."""
    (dy, dx), (height, width) = offset, x.shape[-2:]
    top, left = step[0], max(0, -dx) + step[1]
    return x[..., top:top + max(0, height - dy), left:left + max(0, width - abs(dx))]


def pairs(x, radius):
    """(first, partner), each (..., P), of a map (..., H, W)."""
    return tuple(torch.cat([window(x, offset, step(offset)).flatten(-2) for offset in offsets(radius)], -1)
                 for step in (lambda offset: (0, 0), lambda offset: offset))


def relations(labels, radius, bg_index=0, ignore_index=255):
    """The ``Relations`` of label maps (N, H, W); a pair with an ignored pixel has none."""
    first, partner = pairs(labels, radius)
    known, same = (first != ignore_index) & (partner != ignore_index), first == partner
    background = first == bg_index
    return Relations(known & same & background, known & same & ~background, known & ~same)


def path_affinities(boundary, radius):
    """IRN's affinities (N, P): 1 - the highest boundary on the path between a pair.

    Args:
        boundary (Tensor): (N, H, W) probabilities of a class boundary; the gradient goes to where the highest is.
        radius (int): of the pairs.
    """
    cells = torch.arange(boundary[0].numel(), device=boundary.device).view(boundary.shape[1:])
    # Bits of positive floats are in the order of the floats: a number that holds a value and, below it, its cell.
    keyed, highest = boundary.detach().float().contiguous().view(torch.int32).long() << 32 | cells, []
    for offset in offsets(radius):
        key = window(keyed, offset)
        for step in path(*offset):
            key = torch.maximum(key, window(keyed, offset, step))
        highest.append(key.flatten(1))
    place = torch.cat(highest, 1) & 0xffffffff
    return 1 - boundary.flatten(1).gather(1, place)


def feature_affinities(features, radius):
    """AffinityNet's affinities (N, P): exp(- mean over channels of |f - f'|) of ``features`` (N, L, H, W)."""
    distances = [(window(features, offset) - window(features, offset, offset)).abs().mean(1).flatten(1)
                 for offset in offsets(radius)]
    return torch.exp(-torch.cat(distances, 1))


def affinity_loss(affinity, labelled):
    """Cross-entropy of ``affinity`` (N, P) in [0, 1] and ``Relations``; the three kinds of pairs weigh 1/4, 1/4, 1/2.

    The same in both methods. A kind without pairs is 0.
    """
    same, different = -torch.log(affinity + EPSILON), -torch.log(1 + EPSILON - affinity)
    return (_mean(same, labelled.background) / 4 + _mean(same, labelled.foreground) / 4 +
            _mean(different, labelled.different) / 2)


def displacement_losses(field, labelled, radius):
    """IRN's losses of a displacement field.

    Two pixels of a class should point to one place, so that their displacements differ by what lies between them; on
    background, where there is nothing to point to, they should not differ.

    Args:
        field (Tensor): (N, 2, H, W) displacements (y, x) in pixels of the map.
        labelled (Relations): of the pairs within ``radius``.

    Returns:
        tuple[Tensor, Tensor]: of the foreground and of the background, means over pairs and axes of the L1 distance.
    """
    places = torch.stack(torch.meshgrid(*(torch.arange(size, dtype=field.dtype, device=field.device)
                                          for size in field.shape[-2:]), indexing='ij'))
    (first, partner), (here, there) = pairs(field, radius), pairs(places, radius)
    difference, between = first - partner, there - here
    return (_mean((difference - between).abs().mean(1), labelled.foreground),
            _mean(difference.abs().mean(1), labelled.background))


def _mean(values, chosen):
    return (values * chosen).sum() / (chosen.sum() + EPSILON)
