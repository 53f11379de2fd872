"""Plots: the same bytes each time, an ending that is known, nothing of pyplot's state."""
import sys

import pytest

from mmfbr.figures import drawing, new_figure
from mmfbr.files import InputError


def draw(paths):
    with drawing(paths, 2, 2) as figure:
        figure.subplots().plot([1, 2], label='line')


def test_files_are_written_in_the_format_of_their_ending_and_are_the_same_each_time(tmp_path):
    first, again = ([tmp_path / f'{name}.{end}' for end in ('png', 'svg')] for name in 'ab')
    draw(first)
    draw(again)
    assert [path.read_bytes()[:5] for path in first] == [b'\x89PNG\r', b'<?xml']
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


@pytest.mark.parametrize('name', ['plot', 'plot.txt'])
def test_other_endings_are_refused_before_anything_is_drawn(tmp_path, name):
    with pytest.raises(InputError, match=f'{name}: the name of a plot ends in .png, .svg or .pdf'):
        draw([tmp_path / name])
    assert not list(tmp_path.iterdir())


def test_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    with pytest.raises(InputError, match='pip install matplotlib'):
        new_figure(1, 1)


def test_settings_of_the_caller_stay(tmp_path):
    import matplotlib
    before = dict(matplotlib.rcParams)
    draw([tmp_path / 'a.png'])
    assert dict(matplotlib.rcParams) == before
