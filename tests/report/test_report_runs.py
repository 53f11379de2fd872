import json
import math

import pytest

from mmfbr.files import InputError
from mmfbr.report import Run


@pytest.fixture
def run(tmp_path):
    for name in ('config.py', 'model.pth'):
        (tmp_path / name).write_text('')
    (tmp_path / 'cam').mkdir()
    (tmp_path / 'work').mkdir()
    return Run('host', *(tmp_path / name for name in ('config.py', 'model.pth', 'work', 'cam')))


def log(run, date, *rows, end=''):
    folder = run.work_dir / date / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)) + end)
    return folder.parent


def test_curves(run):
    log(run, '20260101_000000', {'loss': 2.0, 'step': 10}, {'image_label/mAP': 50.0, 'step': 10},
        {'loss': math.nan, 'fbr/fb': 3, 'note': 'text', 'step': 20}, end='\n{"loss": 1.')
    curves = run.curves()
    assert curves['fbr/fb'] == [(20, 3)] and set(curves) == {'loss', 'step', 'fbr/fb'}
    assert curves['loss'][0] == (10, 2.0) and math.isnan(curves['loss'][1][1])


def test_resumed_and_repeated_runs(run):
    log(run, '20260101_000000', *({'loss': 1.0, 'step': step} for step in (10, 20, 30)))
    log(run, '20260102_000000', *({'loss': 2.0, 'step': step} for step in (20, 30)))
    log(run, '20260103_000000')
    assert run.curves()['loss'] == [(10, 1.0), (20, 2.0), (30, 2.0)]
    log(run, '20260104_000000', {'loss': 3.0, 'step': 10})
    assert run.curves()['loss'] == [(10, 3.0)]


def test_log_that_cannot_be_used(run):
    with pytest.raises(InputError, match='holds no DATE/vis_data/scalars.json'):
        run.curves()
    log(run, '20260101_000000', {'loss': 2.0}, {'loss': 2.0, 'step': 20})
    with pytest.raises(InputError, match='Line 1 of .*scalars.json'):
        run.curves()


@pytest.mark.parametrize('missing, named', [('checkpoint', 'The checkpoint'), ('cam_dir', 'The folder of CAM files')])
def test_missing_files_are_named(run, missing, named):
    path = getattr(run, missing)
    path.rename(path.with_name('gone'))
    with pytest.raises(InputError, match=f"{named} of 'host', .*{path.name} does not exist"):
        run.check()


def test_cams_of_another_checkpoint(run, tmp_path):
    other, note = tmp_path / 'other.pth', run.cam_dir / 'npz_made_by.json'

    def made_by(path, written):
        note.write_text(json.dumps({'checkpoint': [str(path), written]}))

    made_by(run.checkpoint, run.checkpoint.stat().st_mtime_ns)
    run.check()
    made_by(tmp_path / 'moved.pth', 1)
    run.check()
    made_by(run.checkpoint, 1)
    with pytest.raises(InputError, match='are older than'):
        run.check()
    other.write_text('')
    made_by(other, other.stat().st_mtime_ns)
    with pytest.raises(InputError, match='were made with .*other.pth'):
        run.check()


def test_facts(run):
    (run.cam_dir / 'npz_made_by.json').write_text(json.dumps({'scales': [0.5, 1], 'flip': True, 'labels': False}))
    folder = log(run, '20260101_000000', {'loss': 2.0, 'step': 10})
    (folder / 'vis_data' / 'config.py').write_text('train_dataloader = dict(batch_size=4)\nrandomness = dict(seed=7)\n')
    (folder / '20260101_000000.log').write_text('Environment:\n    CUDA available: True\n    GPU 0,1: Fast One\n')
    assert dict(run.facts()) == {
        'config': 'config.py', 'checkpoint': f'{run.checkpoint.parent.name}/model.pth', 'log': 'work/20260101_000000',
        'iterations logged': 10, 'batch size': 4, 'seed': 7, 'trained on': 'Fast One',
        'CAM': 'scales 0.5, 1; with flip; classes from the network'}


def test_facts_that_are_not_known(run):
    log(run, '20260101_000000')
    facts = dict(run.facts())
    assert [facts[what] for what in ('iterations logged', 'batch size', 'seed', 'trained on', 'CAM')] == ['-'] * 5
