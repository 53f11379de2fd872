"""Connected parts and their numbers, against a walk over each."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmfbr.instances.regions import parts, pixels, without_small


def slow_parts(region, connectivity):
    labels, count = np.zeros(region.shape, int), 0
    for start in map(tuple, np.argwhere(region)):
        if labels[start]:
            continue
        count, todo = count + 1, [start]
        while todo:
            row, column = pixel = todo.pop()
            labels[pixel] = count
            todo += [(r, c) for r in (row - 1, row, row + 1) for c in (column - 1, column, column + 1)
                     if 0 <= r < region.shape[0] and 0 <= c < region.shape[1] and region[r, c] and not labels[r, c]
                     and (connectivity == 8 or r == row or c == column)]
    return labels


@settings(max_examples=100, deadline=None)
@given(st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda size: arrays(bool, size)),
       st.sampled_from([4, 8]))
def test_parts_are_numbered_as_one_reads(region, connectivity):
    np.testing.assert_array_equal(parts(region, connectivity), slow_parts(region, connectivity))


def test_small_labels_go_and_leave_no_gap():
    np.testing.assert_array_equal(without_small(np.array([[1, 2, 2, 3, 0], [0, 0, 0, 3, 3]], np.int32), 2),
                                  [[0, 1, 1, 2, 0], [0, 0, 0, 2, 2]])
    np.testing.assert_array_equal(without_small(np.zeros((2, 2), np.int32), 0), np.zeros((2, 2)))


@pytest.mark.parametrize('amount, expected', [(0, 0), (0.5, 40), (1, 1), (30, 30)])
def test_amounts_below_1_are_a_share(amount, expected):
    assert pixels(amount, 80) == expected
