"""Both demos run through at their smallest, and a repeat trains nothing again."""
import numpy as np
import pytest

from mmfbr.engine.demo import run_demo
from mmfbr.engine.instance_demo import run_instance_demo
from mmfbr.files import read_json
from mmfbr.image_files import read_image

SMALL = dict(iters=2, size=64, images=(8, 4, 8))


def trained_at(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob('iter_*.pth')}


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    """The demos tell the configs by these where to look."""
    monkeypatch.setenv('DEMO_ROOT', 'unset')
    monkeypatch.setenv('PSEUDO_INSTANCES', 'unset')


def test_cam_demo(tmp_path, capsys):
    page = run_demo(tmp_path, **SMALL)
    assert page == tmp_path / 'report.html' and '<html' in page.read_text(encoding='utf-8')
    before = trained_at(tmp_path)
    assert len(before) == 2 and 'mean IoU' in capsys.readouterr().out
    page.unlink()
    assert run_demo(tmp_path, **SMALL) == page and page.exists()
    assert trained_at(tmp_path) == before and 'trained already' in capsys.readouterr().out


def test_instance_demo(tmp_path, capsys):
    scores = run_instance_demo(tmp_path, **SMALL)
    before = trained_at(tmp_path)
    assert len(before) == 2
    assert read_json(tmp_path / 'instances.json', 'scores') == scores.as_dict()
    for name in ('instances.png', 'pseudo_instances.png'):
        assert np.ptp(read_image(tmp_path / name)) > 100
    on_own = read_json(tmp_path / 'data' / 'co_occurrence.json', 'co-occurrence')
    assert {on_own[name] for name in on_own if name.startswith('train')} == {True, False}
    log = (tmp_path / 'mask-rcnn_resnet18-fpn_demo_fbr' / 'output.log').read_text(encoding='utf-8')
    assert 'cam_resnet18_demo/iter_2.pth' in log and 'loss_fbr' in log
    capsys.readouterr()
    assert run_instance_demo(tmp_path, **SMALL).as_dict() == scores.as_dict()
    assert trained_at(tmp_path) == before and capsys.readouterr().out.count('trained already') == 2
