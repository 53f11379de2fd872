"""Every config for VOC 2012 and MS COCO 2014 trains two iterations, on miniatures of the official archives."""
import math
import os
from pathlib import Path

import pytest
from mmdet.datasets import CocoDataset
from mmengine.runner import Runner
from official_archives import coco_annotations, coco_content, write_coco, write_voc

from mmfbr.data_prep import prepare_coco14, prepare_voc12
from mmfbr.engine import load_config
from mmfbr.engine.preflight import check_config

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(path for folder in ('cam', 'seg') for path in (ROOT / 'configs' / folder).glob('*.py')
                 if 'voc12' in path.stem or 'coco14' in path.stem)
# The large backbones thinner, or with fewer layers, and the channels of their last map then.
SMALLER = {'ResNet38d': (dict(width=0.125), 512), 'ResNetV1c': (dict(base_channels=16), 512),
           'VisionTransformer': (dict(num_layers=2, out_indices=(1, )), 768)}


@pytest.fixture(scope='module', autouse=True)
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('official')
    write_voc(root / 'voc'), write_coco(root / 'coco', **{split: named(split) for split in ('train', 'val')})
    prepare_voc12(root / 'voc12', root / 'voc')
    prepare_coco14(root / 'coco14', root / 'coco')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('VOC_ROOT', str(root / 'voc12'))
        patch.setenv('COCO14_ROOT', str(root / 'coco14'))
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        patch.setattr('mmengine.device.utils.DEVICE', 'cpu')
        yield root


def named(split):
    """An annotation file whose categories have COCO's own names."""
    content = coco_content(split, coco_annotations(split))
    names = CocoDataset.METAINFO['classes']
    content['categories'] = [{**category, 'name': name} for category, name in
                             zip(content['categories'], names, strict=True)]
    return content


def small(path, work_dir):
    """The config with small crops and batches and a thinner backbone, without pretrained weights or checkpoints."""
    config = load_config(path, {
        'model.backbone.init_cfg': None, 'model.data_preprocessor.size': (64, 64), 'train_cfg.max_iters': 2,
        'train_dataloader.batch_size': 2, 'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False, 'default_hooks.logger.interval': 1,
        'default_hooks.checkpoint.interval': -1, 'default_hooks.checkpoint.save_last': False,
    }, str(work_dir))
    if config.model.backbone.type in SMALLER:
        settings, channels = SMALLER[config.model.backbone.type]
        config.model.backbone.update(settings)
        for part in (config.model.decode_head, config.model.get('neck') or {}):
            part['in_channels'] = channels
    for part in ('val_dataloader', 'val_cfg', 'val_evaluator', 'test_dataloader', 'test_cfg', 'test_evaluator'):
        config.pop(part, None)
    for transform in config.train_dataloader.dataset.pipeline:
        if transform.type == 'RandomResize':
            transform.scale = (96, 96)
        elif transform.type == 'RandomCrop':
            transform.crop_size = (64, 64)
    for loss in config.model.decode_head.get('loss_decode', []):
        if isinstance(loss, dict) and loss.type == 'FBRLoss':
            loss.update(warmup_iters=0, log_interval=1)
    config.experiment_name = f'{path.stem}_{os.urandom(4).hex()}'
    return config


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_two_iterations(path, data, tmp_path, monkeypatch):
    masks = dict(voc12=data / 'voc12' / 'SegmentationClassAug', coco14=data / 'coco14' / 'SegmentationClass')
    monkeypatch.setenv('PSEUDO_MASKS', str(masks['voc12' if 'voc12' in path.stem else 'coco14']))
    config = small(path, tmp_path)
    check_config(config)
    runner = Runner.from_cfg(config)
    runner.train()
    logged = {key.removeprefix('train/'): history.current() for key, history in runner.message_hub.log_scalars.items()}
    assert runner.iter == 2 and all(math.isfinite(value) for key, value in logged.items() if 'loss' in key)
    assert ('decode.loss_fbr' in logged) == path.stem.endswith('_fbr')
    assert logged.get('decode.loss_fbr', 1) > 0


def test_twins_differ_by_the_lines_of_fbr_alone():
    twins = [path for path in CONFIGS if path.stem.endswith('_fbr')]
    assert len(twins) == len(CONFIGS) / 2 == 16
    for path in twins:
        host, twin = (load_config(p).to_dict() for p in (path.with_stem(path.stem.removesuffix('_fbr')), path))
        assert twin['model'].pop('neck')['type'] == 'FBRNeck'
        assert twin['model']['decode_head'].pop('loss_decode')[1]['type'] == 'FBRLoss'
        host['model']['decode_head'].pop('loss_decode', None)
        assert {**host, 'work_dir': None} == {**twin, 'work_dir': None}
