"""Every config for VOC 2012, MS COCO 2014, and detectors and hosts on the demo data train two iterations, on
miniatures."""
import json
import math
import os
from pathlib import Path

import pytest
from mmdet.datasets import CocoDataset
from mmengine.runner import Runner
from official_archives import SIZE, coco_annotations, coco_content, write_coco, write_voc

from mmfbr.data_prep import prepare_coco14, prepare_voc12
from mmfbr.demo import write_demo
from mmfbr.engine import load_config
from mmfbr.engine.preflight import check_config
from mmfbr.files import write_text
from mmfbr.run_lengths import coco_masks, run_lengths
from mmfbr.saliency import make_saliency

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(path for folder in ('cam', 'seg') for path in (ROOT / 'configs' / folder).glob('*.py')
                 if 'voc12' in path.stem or 'coco14' in path.stem)
# IRN and AffinityNet have no twins, and a test of their own: tests/hosts.
HOSTS = sorted(path for path in (ROOT / 'configs' / 'hosts').rglob('*.py') if path.parent.name not in ('irn', 'psa'))
DETECTORS = sorted((ROOT / 'configs' / 'wsis').glob('*.py'))
# The large backbones thinner, and the channels of their last map then; transformers keep two layers.
SMALLER = {'ResNet38d': (dict(width=0.125), 512), 'ResNetV1c': (dict(base_channels=16), 512)}


@pytest.fixture(scope='module', autouse=True)
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('official')
    write_voc(root / 'voc'), write_coco(root / 'coco', **{split: named(split) for split in ('train', 'val')})
    prepare_voc12(root / 'voc12', root / 'voc')
    prepare_coco14(root / 'coco14', root / 'coco')
    for split in ('train', 'val'):
        write_text(root / 'coco14' / 'annotations' / f'instances_{split}2014.json', json.dumps(named(split)))
    write_demo(root / 'demo', size=64, train=4, val=2, test=0, background=0)
    for name in ('voc12', 'coco14'):
        make_saliency(root / name)
    make_saliency(root / 'demo', 'objects')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('VOC_ROOT', str(root / 'voc12'))
        patch.setenv('COCO14_ROOT', str(root / 'coco14'))
        patch.setenv('COCO14_TRUTH', str(root / 'coco14' / 'annotations'))
        patch.setenv('DEMO_ROOT', str(root / 'demo'))
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        patch.setattr('mmengine.device.utils.DEVICE', 'cpu')
        yield root


def named(split):
    """An annotation file whose categories have COCO's own names."""
    content = coco_content(split, coco_annotations(split))
    names = CocoDataset.METAINFO['classes']
    content['categories'] = [{**category, 'name': name} for category, name in
                             zip(content['categories'], names, strict=True)]
    for entry in content['annotations']:  # the miniature's boxes are all alike
        runs = run_lengths(entry['segmentation'], *SIZE[::-1], 'an annotation')
        entry['bbox'] = coco_masks().toBbox(runs).tolist() if runs else [0, 0, 0, 0]
    return content


def small(path, work_dir):
    """The config with small crops and batches and a thinner backbone, without pretrained weights or checkpoints."""
    config = two_iterations(path, work_dir)
    if config.model.data_preprocessor.get('size'):  # the demo's images are as small
        config.model.data_preprocessor.size = (64, 64)
    if config.model.backbone.type == 'VisionTransformer':
        config.model.backbone.update(num_layers=2, out_indices=(0, 1)[-len(config.model.backbone.out_indices):])
        if config.model.decode_head.get('loss_ptc'):
            config.model.decode_head.loss_ptc.begin = 0
    elif config.model.backbone.type in SMALLER:
        settings, channels = SMALLER[config.model.backbone.type]
        config.model.backbone.update(settings)
        head = config.model.decode_head
        contrasts = [loss for loss in head.get('loss_decode', []) if 'in_channels' in loss]
        for part in (head, config.model.get('neck') or {}, *contrasts):
            part['in_channels'] = channels
        if head.get('pcm'):
            head.pcm.in_channels = [int(many * settings['width']) for many in head.pcm.in_channels]
    for transform in config.train_dataloader.dataset.pipeline:
        if transform.type == 'RandomResize':
            transform.scale = (96, 96)
        elif transform.type == 'RandomCrop':
            transform.crop_size = (64, 64)
    for loss in config.model.decode_head.get('loss_decode', []):
        if isinstance(loss, dict) and loss.type == 'FBRLoss':
            loss.update(warmup_iters=0, log_interval=1)
    return config


def two_iterations(path, work_dir):
    """The config for two iterations on two images, without pretrained weights, validation or checkpoints."""
    config = load_config(path, {
        'model.backbone.init_cfg': None, 'train_cfg.max_iters': 2, 'train_dataloader.batch_size': 2,
        'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False,
        'default_hooks.logger.interval': 1, 'default_hooks.checkpoint.interval': -1,
        'default_hooks.checkpoint.save_last': False,
    }, str(work_dir))
    for part in ('val_dataloader', 'val_cfg', 'val_evaluator', 'test_dataloader', 'test_cfg', 'test_evaluator'):
        config.pop(part, None)
    config.experiment_name = f'{path.stem}_{os.urandom(4).hex()}'
    return config


def small_detector(path, work_dir):
    """The same of a detector, on a thin ResNet and small images."""
    config = two_iterations(path, work_dir)
    if config.model.backbone.type == 'ResNet':
        config.model.backbone.base_channels = 8
        widths = (8, 16, 32, 64) if config.model.backbone.depth == 18 else (32, 64, 128, 256)
        config.model.neck.in_channels = [widths[index] for index in config.model.backbone.get('out_indices', range(4))]
    for transform in config.train_dataloader.dataset.pipeline:
        if transform.type == 'RandomChoiceResize':
            transform.scales = [(64, 64)]
    return config


@pytest.mark.parametrize('path', CONFIGS + [path for path in HOSTS if 'msrc' not in path.stem],
                         ids=lambda path: path.stem)
def test_two_iterations(path, data, tmp_path, monkeypatch):
    masks = dict(voc12='SegmentationClassAug', coco14='SegmentationClass', demo='SegmentationClass')
    masks = next(data / name / folder for name, folder in masks.items() if name in path.stem)
    for variable in ('PSEUDO_MASKS', 'CONFIDENT_LABELS'):
        monkeypatch.setenv(variable, str(masks))
    config = small(path, tmp_path)
    check_config(config)
    runner = Runner.from_cfg(config)
    runner.train()
    logged = {key.removeprefix('train/'): history.current() for key, history in runner.message_hub.log_scalars.items()}
    assert runner.iter == 2 and all(math.isfinite(value) for key, value in logged.items() if 'loss' in key)
    assert ('decode.loss_fbr' in logged) == path.stem.endswith('_fbr')
    assert logged.get('decode.loss_fbr', 1) > 0


@pytest.mark.parametrize('path', [path for path in DETECTORS if 'msrc' not in path.stem], ids=lambda path: path.stem)
def test_two_iterations_of_a_detector(path, data, tmp_path, monkeypatch):
    if 'boxinst' in path.stem:
        pytest.importorskip('skimage')
    pseudo = dict(voc12='voc12/annotations/instances_sbd_val.json', demo='demo/annotations/instances_train.json',
                  coco14='coco14/annotations/instances_train2014.json')
    monkeypatch.setenv('PSEUDO_INSTANCES', str(data / next(file for name, file in pseudo.items() if name in path.stem)))
    config = small_detector(path, tmp_path)
    check_config(config)
    runner = Runner.from_cfg(config)
    runner.train()
    logged = {key.removeprefix('train/'): history.current() for key, history in runner.message_hub.log_scalars.items()}
    losses = {key: value for key, value in logged.items() if 'loss' in key}
    assert runner.iter == 2 and all(map(math.isfinite, losses.values()))
    assert sum(value for key, value in losses.items() if key.startswith('loss_mask')) > 0
    assert ({'loss_fbr', 'loss_fbr_pixel'} <= {*losses}) == path.stem.endswith('_fbr')


def test_detectors_twins_differ_by_the_lines_of_fbr_alone():
    twins = [path for path in DETECTORS if path.stem.endswith('_fbr')]
    assert len(twins) == len(DETECTORS) / 2 == 12
    for path in twins:
        host, twin = (load_config(p).to_dict() for p in (path.with_stem(path.stem.removesuffix('_fbr')), path))
        fbr = twin['model'].pop('fbr')
        assert twin['model'].pop('type') == 'FBRDetector' and twin['model'].pop('base') == host['model'].pop('type')
        assert {**host, 'work_dir': None} == {**twin, 'work_dir': None}
        assert fbr.pop('in_channels') == host['model']['neck']['out_channels']
        supervision = 'box' if 'boxinst' in path.stem else 'mask'
        assert fbr == dict(in_index=0, supervision=supervision, loss=dict(type='FBRLoss'))


def test_twins_differ_by_the_lines_of_fbr_alone():
    twins = [path for path in CONFIGS + HOSTS if path.stem.endswith('_fbr')]
    assert len(twins) == len(CONFIGS + HOSTS) / 2 == 16 + 21
    for path in twins:
        host, twin = (load_config(p).to_dict() for p in (path.with_stem(path.stem.removesuffix('_fbr')), path))
        neck = twin['model'].pop('neck')
        assert neck['type'] == 'FBRNeck' and set(neck) == {'type', 'in_channels', 'in_index'}
        losses = twin['model']['decode_head'].pop('loss_decode')
        views = 2 if host['model']['type'] == 'TwoViewCAMSegmentor' else 1
        assert [loss['type'] for loss in losses[-views:]] == ['FBRLoss'] * views
        stated = host['model']['decode_head'].pop('loss_decode', losses[:-views])
        assert losses[:-views] == ([stated] if isinstance(stated, dict) else stated)
        assert 'FBRLoss' not in str(stated)
        assert {**host, 'work_dir': None} == {**twin, 'work_dir': None}
