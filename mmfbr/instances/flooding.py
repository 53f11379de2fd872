"""Divides a region among the peaks of a response: each pixel goes to the peak that its steepest ascent leads to.

The peaks that count are chosen by prominence and distance. What climbs to another one goes on over the highest pass, as
water that rises over a lower peak would run together (a watershed with the peaks that count as its markers). Where
responses are equal, the pixel that comes first row by row decides, so that the result is one and the same everywhere.
"""
from dataclasses import dataclass

import numpy as np

from .regions import parts


@dataclass(frozen=True, eq=False)
class Relief:
    """The B peaks of a response in a region, by their first pixel row by row; a plateau is one peak.

    ``basin`` (H, W) int64 is the peak that the ascent from each pixel ends at, -1 outside of the region. ``height``
    (B,) and ``place`` (B, 2) are the response and the mean (row, column) of the peak's pixels. ``passes`` is a list of
    (basin, basin, height) in descending order: the highest way from one basin to its neighbour. Of peaks that are
    equally high the first counts as the higher.
    """
    basin: np.ndarray
    height: np.ndarray
    place: np.ndarray
    passes: list

    @property
    def order(self):
        """(B,) the peaks from the highest to the lowest."""
        return np.argsort(-self.height, kind='stable')

    def prominence(self):
        """(B,) float64 > 0: how far one must descend from a peak to reach a higher one; infinite without one."""
        found = np.full(len(self.height), np.inf)
        rank = np.argsort(self.order)
        together = Groups(len(found))  # a group goes by the number of its highest peak
        for one, other, height in self.passes:
            top, lower = sorted((together.of(one), together.of(other)), key=rank.__getitem__)
            if top != lower:
                found[lower] = float(self.height[lower]) - height
                together.join(top, lower)
        return found

    def chosen(self, min_prominence, min_distance):
        """(B,) bool: peaks of at least this prominence, none nearer than ``min_distance`` pixels to a higher one that
        was chosen in the same connected part. The highest peak of each part is always chosen."""
        candidates, part = self.prominence() >= min_prominence, self._part()
        chosen = np.zeros(len(self.height), bool)
        for peak in self.order:
            if candidates[peak]:
                rivals = chosen & (part == part[peak])
                apart = np.hypot(*(self.place[rivals] - self.place[peak]).T)
                chosen[peak] = (apart >= min_distance).all()
        return chosen

    def flood(self, chosen):
        """(H, W) int32: each basin's pixels get the number, from 1, of the chosen peak that is reached over the highest
        pass; 0 outside of the region. Needs a chosen peak in each connected part."""
        together, taken = Groups(len(self.height)), chosen.copy()
        for one, other, _ in self.passes:
            one, other = together.of(one), together.of(other)
            if one != other and not (taken[one] and taken[other]):
                together.join(*((one, other) if taken[one] else (other, one)))
        number = np.append(np.cumsum(chosen) * chosen, 0).astype(np.int32)  # -1, outside, finds the last
        roots = np.array([together.of(basin) for basin in range(len(chosen))] + [-1])
        return number[roots[self.basin]]

    def _part(self):
        together = Groups(len(self.height))
        for one, other, _ in self.passes:
            together.join(together.of(one), together.of(other))
        return np.array([together.of(basin) for basin in range(len(self.height))])


class Groups:
    """Disjoint sets of the numbers below ``count``."""

    def __init__(self, count):
        self.parent = list(range(count))

    def of(self, item):
        """The number that the group of ``item`` goes by."""
        while self.parent[item] != item:
            self.parent[item] = item = self.parent[self.parent[item]]
        return item

    def join(self, name, other):
        """Makes one of two groups, given by what they go by; it goes by ``name``."""
        self.parent[other] = name


def relief(response, region, connectivity=8):
    """The ``Relief`` of ``response`` (H, W) in ``region`` (H, W) bool.

    The ascent goes from a pixel to the neighbour with the highest response, if it is higher; on level ground by the
    fewest steps to where one is; of several such neighbours to the first row by row. Neighbours are the 8 or 4
    (``connectivity``) around a pixel that lie in the region.
    """
    width = region.shape[1] + 2  # with a border, over which no neighbour is found in the next row
    values = np.full((region.shape[0] + 2, width), -np.inf, np.result_type(response, np.float32))
    values[1:-1, 1:-1][region] = response[region]
    sides, corners = (-width, -1, 1, width), (-width - 1, 1 - width, width - 1, width + 1)
    around = sorted(sides + corners) if connectivity == 8 else sides
    shape, values = values.shape, values.ravel()
    to = _ascent(values, around)
    top = (values > -np.inf) & (to == np.arange(len(to)))
    peak = parts(top.reshape(shape), connectivity).ravel().astype(np.int64) - 1
    top = np.flatnonzero(top)
    while ((further := to[to]) != to).any():
        to = further
    peak = peak[to]
    size = np.bincount(peak[top])
    place = np.stack([np.bincount(peak[top], axis) for axis in np.divmod(top, width)], axis=1) / size[:, None] - 1
    height = np.zeros(len(size))
    height[peak[top]] = values[top]
    return Relief(peak.reshape(shape)[1:-1, 1:-1], height, place, _passes(values, peak, around))


def _ascent(values, around):
    """Where the next step leads from each pixel; the pixels of a peak lead to themselves, and so do those outside.

    Args:
        values (ndarray): (P,) responses of all pixels and a border, -inf outside of the region.
        around (tuple): what to add to a pixel for each of its neighbours, ascending.

    Returns:
        ndarray: (P,) int64.
    """
    itself, inside = np.arange(len(values)), values > -np.inf
    (here, there), to, best = _sides(len(values), around), itself.copy(), values.copy()
    for step in around:
        higher = values[there(step)] > best[here]
        best[here] = np.where(higher, values[there(step)], best[here])
        to[here] = np.where(higher, itself[there(step)], to[here])
    to[~inside] = itself[~inside]
    waiting = inside & (to == itself)
    near = np.unique(np.add.outer(around, np.flatnonzero(waiting)))
    ready = near[inside[near] & ~waiting[near]]
    while len(ready):  # one step further into level ground
        pairs = [(ready - step, ready) for step in around]
        behind, ahead = (np.concatenate(side) for side in zip(*pairs, strict=True))
        fits = waiting[behind] & (values[behind] == values[ahead])
        behind, ahead = behind[fits], ahead[fits]
        order = np.lexsort((ahead, behind))
        ready, first = np.unique(behind[order], return_index=True)
        to[ready], waiting[ready] = ahead[order][first], False
    return to


def _sides(count, around):
    """The slice of all pixels but the border's ends, and a function from a step to the slice of their neighbours."""
    margin = around[-1]
    return slice(margin, count - margin), lambda step: slice(margin + step, count - margin + step)


def _passes(values, basin, around):
    """``Relief.passes`` of the (P,) ``basin`` of each pixel; other arguments as for ``_ascent``."""
    (here, there), count, keys, heights = _sides(len(values), around), basin.max() + 1, [], []
    for step in around[len(around) // 2:]:
        border = (basin[here] != basin[there(step)]) & (np.minimum(basin[here], basin[there(step)]) >= 0)
        one, other = basin[here][border], basin[there(step)][border]
        keys.append(np.minimum(one, other) * count + np.maximum(one, other))
        heights.append(np.minimum(values[here][border], values[there(step)][border]))
    keys, heights = np.concatenate(keys), np.concatenate(heights)
    order = np.lexsort((keys, -heights))
    order = order[np.sort(np.unique(keys[order], return_index=True)[1])]  # the highest pass of each pair
    return list(zip(*(column.tolist() for column in (*np.divmod(keys[order], count), heights[order])), strict=True))
