"""Published checkpoints: nothing of FBR is left in them, and mmdet runs them where mmfbr cannot be imported."""
import json
import os
import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_detectors
import torch
from mmengine.runner import Runner
from PIL import Image
from stack import ONEDL
from tiny_models import segmentor

from mmfbr.benchmark.detector import base_model
from mmfbr.engine.load import is_fbr_key
from mmfbr.engine.publish import publish
from mmfbr.files import InputError

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ('boat', 'cow', 'train')

pytestmark = pytest.mark.filterwarnings('ignore')


def write_coco(root, images=4, size=(32, 48)):
    """Images with rectangles, two each, and their annotations as COCO has them; the last image has none."""
    rng, content = np.random.default_rng(0), dict(images=[], annotations=[], categories=[
        dict(id=index + 1, name=name) for index, name in enumerate(CLASSES)])
    for number in range(images):
        pixels = rng.integers(0, 256, (*size, 3), np.uint8)
        content['images'].append(dict(id=number, file_name=f'{number}.png', height=size[0], width=size[1]))
        for k in range(2 if number < images - 1 else 0):
            x, y, w, h = (int(v) for v in (rng.integers(0, 20), rng.integers(0, 10), 16 + 4 * k, 12 + 4 * k))
            pixels[y:y + h, x:x + w] = 40 * k
            content['annotations'].append(dict(
                id=len(content['annotations']) + 1, image_id=number, category_id=1 + (number + k) % 3, iscrowd=0,
                bbox=[x, y, w, h], area=w * h, segmentation=[[x, y, x + w, y, x + w, y + h, x, y + h]]))
        root.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / f'{number}.png')
    (root / 'instances.json').write_text(json.dumps(content))


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """(config, checkpoint) of a training of two iterations with FBR and an EMAHook."""
    folder = tmp_path_factory.mktemp('run')
    write_coco(folder / 'data')
    config = tiny_detectors.config(folder)
    dataset = dict(type='CocoDataset', data_root=str(folder / 'data'), ann_file='instances.json',
                   data_prefix=dict(img=''), metainfo=dict(classes=CLASSES), backend_args=None)
    loading = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]
    packed = dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
    resize = dict(type='Resize', scale=(48, 32))
    common = dict(num_workers=0, persistent_workers=False)
    config.train_dataloader = dict(batch_size=2, **common, sampler=dict(type='InfiniteSampler', shuffle=False),
                                   dataset=dict(**dataset, pipeline=[*loading, packed]))
    config.test_dataloader = dict(batch_size=1, **common, sampler=dict(type='DefaultSampler', shuffle=False),
                                  dataset=dict(**dataset, test_mode=True, pipeline=[loading[0], resize, packed]))
    config.test_evaluator = dict(type='CocoMetric', ann_file=str(folder / 'data' / 'instances.json'),
                                 metric=['bbox', 'segm'])
    config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    config.val_cfg = config.val_dataloader = config.val_evaluator = None
    config.param_scheduler, config.work_dir = [], str(folder / 'work')
    config.default_hooks.checkpoint = dict(type='CheckpointHook', interval=2, by_epoch=False)
    config.custom_hooks = [dict(type='EMAHook', momentum=0.5, update_buffers=True)]
    config.experiment_name = f'publish_{os.urandom(4).hex()}'
    Runner.from_cfg(config).train()
    return config, folder / 'work' / 'iter_2.pth'


def tool(monkeypatch, *words):
    monkeypatch.setattr(sys, 'argv', ['publish.py', *map(str, words)])
    runpy.run_path(str(ROOT / 'tools' / 'publish.py'), run_name='__main__')


def test_mim_test_runs_it_where_mmfbr_cannot_be_imported(run, tmp_path, monkeypatch, capsys):
    config, checkpoint = run
    tool(monkeypatch, checkpoint, '--out', tmp_path / 'plain.pth')
    printed = capsys.readouterr().out
    assert 'the averaged (EMA) weights. Left out: 12 tensors of FBR, ema_state_dict, message_hub, optimizer' in printed

    ours = config.copy()
    ours.load_from, ours.work_dir = str(checkpoint), str(tmp_path / 'ours')
    ours.experiment_name = f'test_{os.urandom(4).hex()}'
    ours.test_evaluator = [config.test_evaluator, dict(type='DumpDetResults', out_file_path=str(tmp_path / 'ours.pkl'))]
    expected = Runner.from_cfg(ours).test()

    plain = config.copy()
    plain.model = base_model(config.model)
    plain.custom_hooks = []
    plain.pop('custom_imports')
    plain.dump(tmp_path / 'plain.py')
    (tmp_path / 'without').mkdir()
    (tmp_path / 'without' / 'mmfbr.py').write_text("raise AssertionError('mmfbr was imported')")
    done = subprocess.run(
        [str(Path(sys.executable).with_name('mim')), 'test', 'mmdetection' if ONEDL else 'mmdet',
         tmp_path / 'plain.py', '--checkpoint', tmp_path / 'plain.pth', '--gpus', '0',
         '--work-dir', tmp_path / 'theirs', '--out', tmp_path / 'theirs.pkl'],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, 'PYTHONPATH': str(tmp_path / 'without'),
                                                           'CUDA_VISIBLE_DEVICES': '-1'})
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'unexpected key' not in done.stdout + done.stderr and 'missing keys' not in done.stdout + done.stderr
    metrics = json.loads(next((tmp_path / 'theirs').glob('*/*.json')).read_text())
    shared = {key: value for key, value in expected.items() if key.startswith('coco/')}
    assert 'coco/segm_mAP' in shared and metrics == pytest.approx({**metrics, **shared})
    ours, theirs = (pickle.loads((tmp_path / name).read_bytes()) for name in ('ours.pkl', 'theirs.pkl'))
    assert len(ours) == 4 and any(len(image['pred_instances']['labels']) for image in ours)
    for one, other in zip(ours, theirs, strict=True):
        for key in ('bboxes', 'scores', 'labels'):
            assert torch.equal(one['pred_instances'][key], other['pred_instances'][key])
        assert one['pred_instances']['masks'] == other['pred_instances']['masks']


def test_file_holds_weights_and_plain_meta_alone(run, tmp_path):
    done = publish(run[1], tmp_path / 'plain.pth')
    code = ("import sys, torch; content = torch.load(sys.argv[1], weights_only=True); "
            "assert not {'mmfbr', 'mmengine'} & {*sys.modules}; print(sorted(content), len(content['state_dict']))")
    loaded = subprocess.run([sys.executable, '-c', code, done.path], capture_output=True, text=True, check=True)
    assert loaded.stdout == f"['meta', 'state_dict'] {done.kept}\n"
    meta = torch.load(done.path, weights_only=True)['meta']
    assert tuple(meta['dataset_meta']['classes']) == CLASSES and meta['iter'] == 2 and 'cfg' not in meta
    again = publish(run[1], tmp_path / 'again.pth').path
    assert again.read_bytes() == done.path.read_bytes()


def test_averages_and_trained_weights(run, tmp_path):
    whole = torch.load(run[1], weights_only=True)
    for weights, key, prefix in ((None, 'state_dict', ''), ('ema', 'state_dict', ''),
                                 ('trained', 'ema_state_dict', 'module.')):
        done = publish(run[1], tmp_path / f'{weights}.pth', weights)
        assert done.weights == (weights or 'ema') and done.dropped == 12
        state = torch.load(done.path, weights_only=True)['state_dict']
        assert all(value.equal(whole[key][prefix + name]) for name, value in state.items())
        assert not any(map(is_fbr_key, state)) and set(state) == {k for k in whole['state_dict'] if not is_fbr_key(k)}
    assert not whole['state_dict']['neck.fpn_convs.0.conv.weight'].equal(
        whole['ema_state_dict']['module.neck.fpn_convs.0.conv.weight'])


def test_segmentors_too(tmp_path):
    model, host = segmentor(), segmentor(fbr=False)
    torch.save(dict(state_dict={f'module.{key}': value for key, value in model.state_dict().items()},
                    optimizer={}), tmp_path / 'seg.pth')
    done = publish(tmp_path / 'seg.pth')
    assert done.path == tmp_path / 'seg_plain.pth' and done.weights == 'trained' and done.others == ['optimizer']
    assert set(torch.load(done.path, weights_only=True)['state_dict']) == set(host.state_dict())


def test_checkpoint_without_fbr_is_published_and_said_so(tmp_path, monkeypatch, capsys):
    torch.save(dict(weight=torch.ones(2)), tmp_path / 'bare.pth')
    tool(monkeypatch, tmp_path / 'bare.pth')
    printed = capsys.readouterr().out
    assert '1 tensors, the trained weights. Left out: nothing.' in printed and 'holds no state of FBR' in printed


@pytest.mark.parametrize(('content', 'words', 'weights'), [
    (b'not a checkpoint', 'cannot be read|is damaged', None),
    (dict(state_dict=[1]), 'holds no state dict', None),
    ([torch.ones(1)], 'holds no state dict', None),
    ({'fbr.phi_fg.weight': torch.ones(1)}, 'holds state of FBR alone', None),
    (dict(weight=torch.ones(1)), 'holds no averaged weights.*Leave --weights out', 'ema'),
    (dict(weight=torch.ones(1)), "weights is 'both'", 'both'),
])
def test_what_cannot_be_published(content, words, weights, tmp_path):
    path = tmp_path / 'some.pth'
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(InputError, match=words):
        publish(path, weights=weights)
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file_and_existing_output(tmp_path, monkeypatch, capsys):
    with pytest.raises(InputError, match=r'none.pth does not exist'):
        publish(tmp_path / 'none.pth')
    torch.save(dict(weight=torch.ones(1)), tmp_path / 'some.pth')
    (tmp_path / 'out.pth').write_text('precious')
    with pytest.raises(SystemExit) as stop:
        tool(monkeypatch, tmp_path / 'some.pth', '--out', tmp_path / 'out.pth')
    assert stop.value.code == 2 and 'out.pth exists already' in capsys.readouterr().err
    assert (tmp_path / 'out.pth').read_text() == 'precious'
