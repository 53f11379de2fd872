"""The division of a region among peaks, against explicit walks on small maps and on scenes with known answers."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmfbr.instances import Peaks
from mmfbr.instances.flooding import relief


class SlowRelief:
    """The definition, pixel by pixel: pixels are (row, column), neighbours are listed row by row."""

    def __init__(self, response, region, connectivity):
        self.value = {(int(r), int(c)): float(response[r, c]) for r, c in np.argwhere(region)}
        self.steps = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if 0 < abs(r) + abs(c) <= connectivity // 4]
        self.peaks = sorted({min(self.climb(pixel)) for pixel in self.value})
        self.rank = sorted(self.peaks, key=lambda peak: (-self.value[peak], peak))

    def around(self, pixel):
        near = [(pixel[0] + r, pixel[1] + c) for r, c in self.steps]
        return [other for other in near if other in self.value]

    def reachable(self, start, level, top=np.inf):
        found, todo = {start}, [start]
        while todo:
            new = [q for q in self.around(todo.pop()) if level <= self.value[q] <= top and q not in found]
            found.update(new)
            todo += new
        return found

    def climb(self, pixel):
        """All pixels of the peak that the walk from ``pixel`` ends at."""
        while True:
            here = self.value[pixel]
            level = self.reachable(pixel, here, here)
            steps = {q: 0 for q in level if any(self.value[o] > here for o in self.around(q))}
            if not steps:
                return level
            while len(steps) < len(level):
                steps |= {q: 1 + min(steps[o] for o in self.around(q) if o in steps)
                          for q in level - steps.keys() if any(o in steps for o in self.around(q))}
            if steps[pixel]:
                pixel = next(q for q in self.around(pixel) if q in level and steps[q] == steps[pixel] - 1)
            else:
                pixel = max(self.around(pixel), key=lambda q: self.value[q])  # the first of the highest

    def prominence(self, peak):
        higher = self.rank[:self.rank.index(peak)]
        for level in sorted({v for v in self.value.values() if v <= self.value[peak]}, reverse=True):
            if self.reachable(peak, level) & {*higher}:
                return self.value[peak] - level
        return np.inf

    def highest_pass(self, one, other):
        levels = (level for level in sorted({*self.value.values()}, reverse=True)
                  if level <= self.value[one] and other in self.reachable(one, level))
        return next(levels, -np.inf)


sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))
maps = sizes.flatmap(lambda size: st.tuples(arrays(np.float32, size, elements=st.sampled_from([0, .25, .5, .75, 1])),
                                            arrays(bool, size, elements=st.sampled_from([True, True, False]))))


@settings(max_examples=80, deadline=None)
@given(maps, st.sampled_from([4, 8]))
def test_walks_prominence_and_passes_are_those_of_the_definition(scene, connectivity):
    response, region = scene
    if not region.any():
        return
    slow, fast = SlowRelief(response, region, connectivity), relief(response, region, connectivity)
    expected = np.full(region.shape, -1)
    for pixel in slow.value:
        expected[pixel] = slow.peaks.index(min(slow.climb(pixel)))
    np.testing.assert_array_equal(fast.basin, expected)
    np.testing.assert_array_equal(fast.prominence(), [slow.prominence(peak) for peak in slow.peaks])
    np.testing.assert_allclose(fast.place, [np.mean([*slow.climb(peak)], axis=0) for peak in slow.peaks])
    assert [slow.peaks[number] for number in fast.order] == slow.rank

    chosen = fast.chosen(0.5, 0)
    np.testing.assert_array_equal(chosen, fast.prominence() >= 0.5)
    labels, kept = fast.flood(chosen), [peak for peak, is_in in zip(slow.peaks, chosen, strict=True) if is_in]
    assert ((labels > 0) == region).all()
    for number, peak in enumerate(slow.peaks):
        taken, = np.unique(labels[fast.basin == number])  # a basin stays whole
        passes = [slow.highest_pass(peak, marker) for marker in kept]
        assert kept[taken - 1] == peak if chosen[number] else passes[taken - 1] == max(passes)


def lines(*rows):
    """(response, region) of digits, a tenth each; a dot is outside of the region."""
    cells = np.array([list(row) for row in rows])
    return np.where(cells == '.', '0', cells).astype(float) / 10, cells != '.'


def divided(rows, **options):
    return ['.123456789'[number] for number in Peaks(**dict(min_prominence=0.1, min_distance=0, min_area=0) | options)(
        *reversed(lines(*rows))).ravel()]


@pytest.mark.parametrize('rows, expected', [
    (['1253217931'], '1111122222'),  # from the valley the way to the 7 is steeper than to the 2
    (['13531'], '11111'),
    (['1555551'], '1111111'),  # a plateau is one peak
    (['9555559'], '1111222'),  # level ground between two: by the fewest steps, the one in the middle to the first
    (['95.59'], '11.22'),  # what does not hang together
    (['9'], '1'),
    (['0'], '1'),  # a mask where the CAM is 0
    (['...'], '...'),
    (['000'], '111'),
    (['9..', '.5.', '..8'], '1...1...2'),  # over corners
])
def test_known_scenes(rows, expected):
    assert ''.join(divided(rows)) == expected


def test_two_peaks_joined_by_a_plateau_of_their_height_are_one():
    assert ''.join(divided(['959', '999'])) == '111111'


def test_four_neighbours_do_not_climb_over_corners():
    assert ''.join(divided(['9.', '.5'], connectivity=4)) == '1..2'


def test_of_a_tie_the_first_row_by_row_decides():
    assert ''.join(divided(['959'])) == '112'
    assert ''.join(divided(['9', '5', '9'])) == '112'


def test_a_peak_that_does_not_count_goes_on_over_its_highest_pass():
    assert ''.join(divided(['9356429'], min_prominence=0.5)) == '1111122'  # left over 3, right over 2
    assert ''.join(divided(['9246539'], min_prominence=0.5)) == '1122222'  # left over 2, right over 3


def test_prominence_is_the_least_descent_to_a_higher_peak():
    response, region = lines('3527469')
    np.testing.assert_allclose(relief(response, region).prominence(), [.3, .3, np.inf])
    assert ''.join(divided(['3527469'], min_prominence=0.35)) == '1111111'
    assert len({*divided(['3527469'], min_prominence=0.29)}) == 3


def test_distance_holds_between_the_peaks_of_one_connected_part():
    assert ''.join(divided(['91718'], min_distance=2)) == '11233'
    assert ''.join(divided(['91718'], min_distance=3)) == '11122'  # the 7 gives way; of equal passes the first
    assert ''.join(divided(['91.18'], min_distance=9)) == '11.22'
    for share, count in ((0.3, 3), (0.5, 2), (0.7, 1)):  # 1.8, 3 and 4.2 of 6 pixels
        assert len({*divided(['916181'], min_distance=share)}) == count
