"""Batched k-means: all images at once, each with its own number of points, on the tensors' device."""
import torch

from . import sync
from .rows import blocks

POINTS = 8192  # as many at a time as stay in a CPU's cache from one round to the next


def kmeans(points, mask, num_clusters, generator, rounds=10, init='random', most=None):
    """Lloyd's algorithm per image over the masked points (method: NROI extraction).

    An image with at most K points returns the points themselves; an empty cluster keeps its centroid; equal distances
    go to the lower cluster. What stands in unmasked points, if finite, does not matter. Runs in float32 or float64.

    Args:
        points (Tensor): (N, P, D).
        mask (Tensor): (N, P) bool, the points that count.
        num_clusters (int): K >= 1.
        generator (torch.Generator): on the device of ``points``; draws the start.
        rounds (int): upper bound of assignment rounds. On the CPU an assignment that repeats ends them early; elsewhere
            reading that flag would wait for the device longer than the (idempotent) rounds take.
        init (str): 'random' distinct points, or 'k-means++'.
        most (Tensor | None): (N,) int64, clusters that an image may have at most, where that is fewer than K.

    Returns:
        tuple[Tensor, Tensor]: centroids (N, K, D), without gradient, and (N, K) bool, which of them exist.
    """
    points = points.detach()
    if points.dtype not in (torch.float32, torch.float64):
        points = points.float()
    starts = {'random': _random_start, 'k-means++': _plus_plus_start}
    if init not in starts:
        raise ValueError(f"k-means starts from 'random' or 'k-means++' points, not from {init!r}.")
    with torch.autocast(points.device.type, enabled=False):
        start = starts[init](points, mask, num_clusters, generator)
        given = (points, mask, start) if most is None else (points, mask, start, most)
        parts = [_lloyd(*part[:3], rounds, *part[3:]) for part in blocks(given, points.shape[1], points, POINTS)]
        centroids, exists = zip(*parts, strict=True)
        return torch.cat(centroids), torch.cat(exists)


def _lloyd(points, mask, start, rounds, most=None):
    count = mask.sum(1)
    k = start.shape[1]
    exists = torch.arange(k, device=points.device) < count[:, None].clamp(max=k)
    if most is not None:
        exists = exists & (torch.arange(k, device=points.device) < most[:, None])
    centroids = first = torch.where(exists[..., None], torch.gather(
        points, 1, start[..., None].expand(-1, -1, points.shape[2])), points.new_zeros(()))
    counts, last, before = mask[:, None].to(points.dtype), None, None
    for _ in range(rounds):
        distance = _distances(centroids, points)
        if most is not None:  # else those that do not exist are in images that stand for themselves
            distance = distance.masked_fill(~exists[..., None], torch.inf)
        chosen = distance.eq_(distance.amin(1, keepdim=True))  # as floats: a cast of bools takes ten times as long
        if not sync.is_free(points) or chosen.sum() > mask.numel():
            chosen *= chosen.cumsum(1) == 1  # of equal distances the first
        chosen *= counts
        size = chosen.sum(2, keepdim=True)
        if sync.is_free(points):
            if last is not None and torch.equal(size, before) and torch.equal(chosen, last):
                break
            last, before = chosen, size
        mean = torch.bmm(chosen, points) / size.clamp(min=1)
        centroids = torch.where(size > 0, mean, centroids)
    few = (count <= exists.sum(1))[:, None, None]
    return torch.where(few, first, centroids), exists


def _distances(centroids, points):
    """Squared distances (N, K, P) less |x|^2 of the point, which is the same for every cluster."""
    return torch.bmm(-2 * centroids, points.transpose(1, 2)).add_(centroids.square().sum(2, keepdim=True))


def _random_start(points, mask, k, generator):
    """(N, K) indices of distinct masked points, uniformly; an image with fewer than K has them first, then anything."""
    key = torch.rand(mask.shape, generator=generator, device=points.device).masked_fill_(~mask, -1)
    return _padded_topk(key, k)


def _plus_plus_start(points, mask, k, generator):
    """(N, K) indices as k-means++ draws them: each next with probability of its squared distance to the nearest so far.

    Source: Arthur and Vassilvitskii, SODA 2007. Where all distances are 0 (copies of one point) any unused one will do.
    """
    uniform = torch.rand(k, *mask.shape, generator=generator, device=points.device, dtype=torch.float64)
    weight, free, index = mask.double(), mask.clone(), []
    for step in range(k):
        # Exponential race: the arg max of log(u) / w is drawn with probability w. Free points of weight 0 follow far
        # behind, in uniform order, points already taken last.
        race = torch.where(weight > 0, uniform[step].log() / weight.clamp(min=1e-300), -1e306 * (1 + uniform[step]))
        pick = race.masked_fill(~free, -torch.inf).argmax(1, keepdim=True)
        index.append(pick)
        free = free.scatter(1, pick, False)
        picked = torch.gather(points, 1, pick[..., None].expand(-1, -1, points.shape[2]))
        gap = (points - picked).square().sum(2).double()
        weight = torch.minimum(weight, gap) if step else gap
        weight = weight * free
    return torch.cat(index, 1)


def _padded_topk(key, k):
    index = key.topk(min(k, key.shape[1]), dim=1).indices
    return torch.nn.functional.pad(index, (0, k - index.shape[1]))
