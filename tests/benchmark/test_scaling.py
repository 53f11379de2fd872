"""How the cost grows: points are what they say, table and plot hold all of them."""
import json
from dataclasses import replace

import pytest
from test_measure import SMALL

from mmfbr.benchmark import scaling
from mmfbr.benchmark.measure import Workload
from mmfbr.benchmark.scaling import AXES, measure_scaling, spread, table, write_scaling


@pytest.fixture(scope='module')
def found():
    axes = {'classes': ('classes', SMALL, 'classes', (2, 5)), 'queries': ('queries', SMALL, 'queries', (10, 60))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling, 'peak_memory', lambda work: None if work.queries == 60 else 3.0)
        return axes, measure_scaling(axes, repeats=1, slow_limit=50, report=lambda line: None)


def test_points(found):
    axes, found = found
    assert [[row['value'] for row in rows] for rows in found.values()] == [[2, 5], [10, 60]]
    for row in sum(found.values(), []):
        assert row['total'] > row['S'] > 0 and row['rest'] == row['total'] - row['projection']
        assert row['products'] > 0
    assert found['queries'][0]['queries'] < found['queries'][1]['queries']
    assert 'straightforward' in found['queries'][0] and 'straightforward' not in found['queries'][1]


def test_files(found, tmp_path):
    axes, found = found
    write_scaling(tmp_path / 'out', found, axes)
    assert json.loads((tmp_path / 'out' / 'scaling.json').read_text())['axes'] == found
    assert (tmp_path / 'out' / 'scaling.md').read_text() == table(found, axes) + '\n'
    assert len(table(found, axes).splitlines()) == 2 + 4
    drawn = (tmp_path / 'out' / 'scaling.svg').read_text()
    assert drawn.startswith('<?xml') and drawn.rstrip().endswith('</svg>')


def test_axes_leave_the_foundation_but_for_what_they_vary():
    for name, (_, work, field, values) in AXES.items():
        assert list(values) == sorted(values) and len(values) > 3
        assert replace(work, **{field: getattr(Workload(), field)}) == Workload() or name in ('queries', 'capped')
    assert {field: values[::len(values) - 1] for _, _, field, values in AXES.values()} == {
        'size': (16, 128), 'images': (1, 64), 'classes': (2, 171), 'queries': (2000, 50_000), 'pixels': (32, 1024),
        'bank': (1000, 500_000)}


def test_spread_leaves_the_passes_over_the_scores_out():
    assert spread([dict(total=10, S=2), dict(total=16, S=4)]) == pytest.approx(0.5)
