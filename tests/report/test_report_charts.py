import re

import pytest

from mmfbr.report.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Series, line_chart, ticks

NAN, INF = float('nan'), float('inf')


def lines(chart):
    return [[tuple(map(float, point.split(','))) for point in found.split()]
            for found in re.findall(r'points="([^"]+)"', chart)]


def test_points_land_where_the_axes_say():
    chart = line_chart('loss', [Series('host', [(0, 0.0), (5, 4.0), (10, 2.0)])], 'iteration')
    middle = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    assert lines(chart) == [[(LEFT, HEIGHT - BOTTOM), (middle[0], TOP), (WIDTH - RIGHT, middle[1])]]
    assert '<title>loss: host from 0 at 0 to 2 at 10</title>' in chart


def test_missing_values_leave_a_gap():
    points = [(1, 1.0), (2, 1.0), (3, NAN), (4, 2.0), (5, INF), (6, 3.0), (7, 3.0)]
    chart = line_chart('loss', [Series('host', points)], 'iteration')
    assert [len(line) for line in lines(chart)] == [2, 2]
    assert chart.count('<circle') == 1  # the point between two gaps
    assert 'nan' not in chart and 'inf' not in chart


def test_single_point_and_flat_line():
    assert line_chart('loss', [Series('host', [(20, 0.0)])], 'iteration').count('<circle') == 1
    assert lines(line_chart('loss', [Series('host', [(1, 0.0), (2, 0.0)])], 'iteration')) == [
        [(LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM)]]


@pytest.mark.parametrize('points', [[], [(1, NAN)]])
def test_nothing_to_show(points):
    chart = line_chart('loss', [Series('host', points)], 'iteration')
    assert 'Nothing was logged' in chart and '<svg' not in chart


def test_series_without_values_is_left_out_of_the_legend():
    chart = line_chart('loss', [Series('empty', [(1, NAN)]), Series('full', [(1, 2.0), (2, 1.0)])], 'iteration')
    assert 'empty' not in chart and 'class="line s1"' in chart and 's2' not in chart


def test_mark_and_negative_values():
    chart = line_chart('cosine', [Series('a', [(0, -1.0), (1, 1.0)], mark=1)], 'step')
    assert f'cx="{WIDTH - RIGHT:.1f}" cy="{TOP:.1f}"'.replace('.0', '') in chart.replace('.0', '')
    assert lines(chart)[0][0] == (LEFT, HEIGHT - BOTTOM)


def test_names_are_escaped():
    chart = line_chart('<i>', [Series('<script>', [(0, 1.0), (1, 2.0)])], '&')
    assert '<script>' not in chart and '<i>' not in chart and '&lt;script&gt;' in chart and '&amp;' in chart


@pytest.mark.parametrize('low, high, expected', [
    (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 4.3, [0, 1, 2, 3, 4]), (2, 60, [10, 20, 30, 40, 50, 60]),
    (0, 0.7, [0, 0.2, 0.4, 0.6]), (-1, 1, [-1, -0.5, 0, 0.5, 1]),
    (0, 1000, [0, 200, 400, 600, 800, 1000]), (0, 3e-7, [0, 1e-7, 2e-7, 3e-7])])
def test_ticks(low, high, expected):
    assert ticks(low, high, most=6) == pytest.approx(expected)
