"""The benchmark of pseudo masks measures what it says, in small."""
import runpy
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfbr.benchmark.masks import measure_masks

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config():
    config = Config.fromfile(ROOT / 'configs' / 'cam' / 'cam_resnet18_demo.py')
    config.model.backbone.base_channels = config.model.backbone.stem_channels = 4
    config.model.decode_head.in_channels = 32
    return config


def test_times_and_ratios_of_every_way(config):
    result = measure_masks(config, images=3, size=(40, 56), batch=2, repeats=1)
    assert set(result['seconds']) == {'bare', 'none', 'par'} and min(result['seconds'].values()) > 0
    assert result['ratio'] == {name: result['seconds']['bare'] / result['seconds'][name] for name in ('none', 'par')}
    assert result['scales'] == [1.0] and result['images'] == 3


def test_tool_prints_the_ratios(config, tmp_path, monkeypatch, capsys):
    config.dump(tmp_path / 'small.py')
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', '--masks', str(tmp_path / 'small.py'), '--images', '2',
                                      '--repeats', '1', '--scales', '0.25', '--json', str(tmp_path / 'out.json')])
    runpy.run_path(str(ROOT / 'tools' / 'benchmark.py'), run_name='__main__')
    printed = capsys.readouterr().out
    assert 'refine par' in printed and 'scales [0.25]' in printed
    assert '"ratio"' in (tmp_path / 'out.json').read_text()
