"""The benchmark of the random walk measures what it says, and the walk keeps to its memory."""
import runpy
import sys
from pathlib import Path

from mmfbr.benchmark.walk import measure_walk

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'benchmark.py'


def test_walk_on_a_large_image_needs_little_memory():
    result = measure_walk(repeats=1, threads=1)
    assert result['size'] == [500, 500] and result['steps'] == 256
    assert 0 < result['seconds'] == result['slowest']
    assert result['peak_memory_mib'] is None or 4 < result['peak_memory_mib'] < 200  # the matrix alone: 931


def test_tool_prints_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', '--walk', '2', '--size', '40', '60', '--repeats', '1',
                                      '--threads', '1', '--json', str(tmp_path / 'out.json')])
    runpy.run_path(str(TOOL), run_name='__main__')
    printed = capsys.readouterr().out
    assert 'image of 40 x 60, stride 4' in printed and '2 maps, 1 threads' in printed
    assert '"peak_memory_mib"' in (tmp_path / 'out.json').read_text()
