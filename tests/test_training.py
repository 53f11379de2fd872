"""Trainings of a few iterations on a small demo data set, as users start them; equal weights mean equal bits."""
import json
import math
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image
from stack import ONEDL

from mmfbr.core import NROIBank
from mmfbr.demo import write_demo
from mmfbr.engine import load_config
from mmfbr.engine.load import is_fbr_key
from mmfbr.files import read_lines
from mmfbr.image_files import read_cam

ROOT = Path(__file__).resolve().parents[1]
MIM = Path(sys.executable).with_name('mim')
HOST, FBR = (ROOT / 'configs' / 'cam' / f'cam_resnet18_demo{name}.py' for name in ('', '_fbr'))
LOSS = 'model.decode_head.loss_decode.1.'
SHORT = {
    'train_cfg.max_iters': 4, 'train_cfg.val_interval': 2, 'train_dataloader.batch_size': 4,
    'default_hooks.logger.interval': 1, 'default_hooks.checkpoint.interval': 2,
    'default_hooks.checkpoint.max_keep_ckpts': 9
}
SHORT_FBR = {**SHORT, f'{LOSS}warmup_iters': 1, f'{LOSS}nroi.capacity': 200}
MASKS = ('SegmentationClass', 'SegmentationAll', 'SegmentationObject')


@pytest.fixture(scope='module', autouse=True)
def demo(tmp_path_factory):
    """The demo data set, where the demo configs look; every run is on the CPU, which repeats its bits."""
    root = tmp_path_factory.mktemp('demo') / 'data'
    write_demo(root, size=64, train=24, val=4, test=8, background=16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('DEMO_ROOT', str(root))
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        patch.setattr('mmengine.device.utils.DEVICE', 'cpu')
        yield root


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Work dir of an uninterrupted run with FBR."""
    work_dir = tmp_path_factory.mktemp('runs') / 'whole'
    train(FBR, work_dir, SHORT_FBR)
    return work_dir


def train(path, work_dir, options, resume=False, hooks=()):
    """Trains within this process, as ``tools/train.py`` does in one of its own."""
    config = load_config(path, options, str(work_dir))
    config.resume = resume
    # mmengine keeps one message hub for each name, and makes names of the time in seconds.
    config.experiment_name = f'{work_dir.name}_{os.urandom(4).hex()}'
    runner = Runner.from_cfg(config)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()


def command(*words):
    """Runs a command line in a process of its own; the current folder is none that holds the package."""
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, timeout=900,
                          cwd=os.environ['DEMO_ROOT'])


@pytest.fixture
def tool(monkeypatch):
    """Runs a file of ``tools`` with the words of a command line, in this process: seconds cheaper than in its own."""
    def run(name, *words):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, words)])
        monkeypatch.setenv('LOCAL_RANK', '0')
        runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')
    return run


def cfg_options(options):
    return ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]


def checkpoint(work_dir, iteration=4):
    return torch.load(work_dir / f'iter_{iteration}.pth', weights_only=True)


def state(work_dir, iteration=4):
    return checkpoint(work_dir, iteration)['state_dict']


def differing(one, other):
    """Keys of two state dicts whose tensors are not equal bit by bit."""
    return sorted({*one, *other} - {key for key in {*one} & {*other} if one[key].equal(other[key])})


def logged(work_dir):
    """The scalars of each training iteration of a run."""
    lines = [json.loads(line) for path in work_dir.glob('*/vis_data/scalars.json') for line in path.open()]
    return [line for line in lines if 'loss' in line]


# The command lines

@pytest.mark.parametrize('words', [
    [ROOT / 'tools' / 'train.py', FBR],
    # onedl-mim 0.5.1 searches the whole checkout for a name, links included, and finds it twice: a path it takes.
    [MIM, 'train', 'mmfbr', FBR if ONEDL else FBR.name, '--gpus', 0],
    [MIM, 'train', 'mmsegmentation', FBR, '--gpus', 0],
], ids=['tools/train.py', 'mim train mmfbr', 'mim train mmsegmentation'])
def test_every_command_trains_alike(words, trained, tmp_path):
    done = command(*words, '--work-dir', tmp_path, *cfg_options(SHORT_FBR))
    assert done.returncode == 0, done.stderr
    lines = logged(tmp_path)
    assert [line['step'] for line in lines] == [1, 2, 3, 4]
    assert all(math.isfinite(value) for line in lines for value in line.values())
    assert lines[0]['decode.loss_fbr'] == 0 and not any(key.startswith('fbr/') for key in lines[0])  # warm-up
    for line, expected in zip(lines, logged(trained), strict=True):
        assert set(line) == set(expected)
        for key in ('decode.loss_cls', 'decode.loss_fbr'):
            assert line[key] == pytest.approx(expected[key], rel=1e-3, abs=1e-5)
    assert {f'fbr/{part}' for part in ('fb', 'if', 'decouple', 'bg_seg', 'queries', 'bank_fill')} < set(lines[-1])
    assert lines[-1]['decode.loss_fbr'] > 0


def test_class_count_mismatch_ends_before_training(tool, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        tool('train.py', FBR, '--work-dir', tmp_path / 'work', '--cfg-options', 'model.decode_head.num_classes=7')
    assert stop.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(
        'error: model.decode_head.num_classes is 7, but the training data has 5 classes')
    assert not (tmp_path / 'work').exists()


def test_test_tool_prints_both_metrics(tool, trained, tmp_path, capsys):
    tool('test.py', FBR, trained / 'iter_4.pth', '--work-dir', tmp_path, '--out', tmp_path / 'masks',
         *cfg_options(SHORT_FBR))
    printed = capsys.readouterr().out
    assert 'mIoU: ' in printed and 'image_label/mAP: ' in printed
    assert len(list((tmp_path / 'masks').glob('*.png'))) == 8


def test_test_tool_refuses_what_it_would_test_at_random(tool, trained, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        tool('test.py', FBR, trained / 'iter_4.pth', '--work-dir', tmp_path / 'work', '--cfg-options',
             'model.backbone.base_channels=16', 'model.decode_head.in_channels=128', 'model.neck.in_channels=128')
    assert stop.value.code == 2
    assert 'iter_4.pth: ' in capsys.readouterr().err
    assert not (tmp_path / 'work').exists()


def test_pseudo_mask_tool_writes_masks_and_cam_files(tool, trained, demo, tmp_path, capsys):
    words = ['make_pseudo_masks.py', FBR, trained / 'iter_4.pth', '--out', tmp_path / 'masks', '--cam-dir',
             tmp_path / 'cams', '--list', 'ImageSets/test.txt', '--threshold', 0.4, '--scales', 1, 0.5]
    for done in ('8 images done, 0 were there already.', '0 images done, 8 were there already.'):
        tool(*words)
        assert done in capsys.readouterr().out
    labels = json.loads((demo / 'image_labels.json').read_text())
    classes = read_lines(demo / 'classes.txt', 'The classes')
    for image in read_lines(demo / 'ImageSets' / 'test.txt', 'The list'):
        cam, present = read_cam(tmp_path / 'cams' / f'{image}.npz')
        assert {classes[c] for c in present} == set(labels[image])
        with Image.open(tmp_path / 'masks' / f'{image}.png') as mask:
            assert mask.mode == 'P' and mask.size == cam.shape[:0:-1] == (64, 64)


CONTRACT = """
_base_ = 'mmseg::deeplabv3plus/deeplabv3plus_r50-d8_4xb4-20k_voc12aug-512x512.py'
custom_imports = dict(imports=['mmfbr'])
model = dict(
    neck=dict(type='FBRNeck', in_channels=2048, in_index=3),
    decode_head=dict(loss_decode=[
        dict(type='CrossEntropyLoss', loss_weight=1.0),
        dict(type='FBRLoss',
             nroi=dict(type='NROIBank', num_clusters=8, capacity=100_000),
             sampler=dict(type='ActiveSampler', num_negatives=256))]))
"""
SMALL = """
_base_ = './contract.py'
model = dict(
    pretrained=None,
    data_preprocessor=dict(size=(64, 64)),
    decode_head=dict(num_classes=5),
    auxiliary_head=dict(num_classes=5))
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    dataset=dict(
        _delete_=True,
        type='BaseSegDataset',
        data_root='{{$DEMO_ROOT:none}}',
        ann_file='ImageSets/trainval.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        metainfo=dict(classes=('background', 'train', 'boat', 'cow', 'aeroplane')),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='RandomCrop', crop_size=(64, 64)),
            dict(type='PackSegInputs')
        ]))
train_cfg = dict(max_iters=2)
val_dataloader = val_evaluator = val_cfg = test_dataloader = test_evaluator = test_cfg = None
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(save_last=False))
"""


def test_lines_of_the_contract_in_a_config_of_mmseg(tmp_path):
    (tmp_path / 'contract.py').write_text(CONTRACT)
    (tmp_path / 'small.py').write_text(SMALL)
    done = command(MIM, 'train', 'mmsegmentation', tmp_path / 'small.py', '--gpus', 0, '--work-dir', tmp_path / 'work')
    assert done.returncode == 0, done.stderr
    lines = logged(tmp_path / 'work')
    assert [line['step'] for line in lines] == [1, 2]
    for line in lines:
        assert all(math.isfinite(value) for value in line.values())
        assert line['decode.loss_fbr'] > 0
        assert {'decode.loss_ce', 'aux.loss_ce', 'fbr/fb', 'fbr/if'} < set(line)
        assert line['loss'] == pytest.approx(sum(line[name] for name in line if '.loss_' in name), rel=1e-4)


# What a run depends on

class StopAt(Hook):
    """Ends the run as Ctrl-C would."""

    def __init__(self, iteration):
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            raise KeyboardInterrupt


def test_resumed_run_ends_with_the_same_bits(trained, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(FBR, tmp_path, SHORT_FBR, hooks=[StopAt(3)])  # a step after the checkpoint, which is done again
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'iter_2.pth')
    assert state(tmp_path, 2)['decode_head.loss_decode.1.nroi.fill'] > 0
    (tmp_path / 'iter_3.pth').write_bytes(b'half a file')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))
    train(FBR, tmp_path, SHORT_FBR, resume=True)
    assert not differing(state(tmp_path), state(trained))
    one, other = (checkpoint(folder)['optimizer']['state'] for folder in (tmp_path, trained))
    assert not any(differing(one[index], other[index]) for index in other)


def test_masks_play_no_part_in_training(trained, demo, tmp_path, monkeypatch):
    shutil.copytree(demo, tmp_path / 'data', ignore=shutil.ignore_patterns(*MASKS))
    monkeypatch.setenv('DEMO_ROOT', str(tmp_path / 'data'))
    train(FBR, tmp_path / 'work', SHORT_FBR)
    assert not any((tmp_path / 'data' / folder).exists() for folder in MASKS)
    assert not differing(state(tmp_path / 'work'), state(trained))


def test_host_trains_as_without_fbr_where_fbr_weighs_nothing(trained, tmp_path):
    train(HOST, tmp_path / 'host', SHORT)
    nothing = {f'{LOSS}{weight}': 0.0 for weight in ('w_if', 'w_fb', 'w_decouple', 'w_bg_seg')}
    train(FBR, tmp_path / 'fbr', {**SHORT_FBR, **nothing})
    host = state(tmp_path / 'host')
    for work_dir, changed in ((tmp_path / 'fbr', False), (trained, True)):
        own = {key: value for key, value in state(work_dir).items() if not is_fbr_key(key)}
        assert own.keys() == host.keys()
        assert bool(differing(own, host)) == changed


def test_load_from_takes_the_weights_and_starts_with_an_empty_bank(trained, tmp_path, monkeypatch):
    pushed, push = [], NROIBank.push

    def counting_push(bank, rows, keep):
        pushed.append(int(keep.sum()))
        push(bank, rows, keep)
    monkeypatch.setattr(NROIBank, 'push', counting_push)
    start = state(trained)
    train(FBR, tmp_path, {**SHORT_FBR, 'train_cfg.max_iters': 1, f'{LOSS}warmup_iters': 0,
                          'load_from': str(trained / 'iter_4.pth'), 'optim_wrapper.optimizer.lr': 0.0})
    end = state(tmp_path, 1)
    assert start['decode_head.loss_decode.1.nroi.fill'] > pushed[0] > 0
    assert end['decode_head.loss_decode.1.nroi.fill'] == end['decode_head.loss_decode.1.nroi.pointer'] == sum(pushed)
    assert len(pushed) == end['decode_head.loss_decode.1.steps'] == 1
    unmoved = {key for key in start if key.endswith(('conv1.weight', 'classifier.weight', 'phi_bg.weight'))}
    assert unmoved and not unmoved & set(differing(start, end))
