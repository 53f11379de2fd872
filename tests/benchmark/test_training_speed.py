"""The share of a training step: the host of the comparison is the config without FBR, the part is FBR's own."""
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, ConfigDict
from tiny_models import CHANNELS, fbr_loss

from mmfbr.benchmark.training import Part, draw, measure_training, step, table, without_fbr
from mmfbr.engine import load_config
from mmfbr.files import InputError

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'benchmark.py'

pytestmark = pytest.mark.filterwarnings('ignore')


def tiny(kind='EncoderDecoder'):
    head = dict(type='FCNHead', channels=16, num_convs=1, norm_cfg=dict(type='BN')) if kind == 'EncoderDecoder' else (
        dict(type='CAMHead'))
    host = dict(type='CrossEntropyLoss' if kind == 'EncoderDecoder' else 'MultiLabelSoftMarginLoss')
    return Config(dict(default_scope='mmseg', model=dict(
        type=kind, data_preprocessor=dict(type='SegDataPreProcessor', size_divisor=16),
        backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, strides=(1, 2, 1, 1),
                      norm_cfg=dict(type='SyncBN')),
        neck=dict(type='FBRNeck', in_channels=CHANNELS, in_index=3, channels=16),
        decode_head=dict(**head, in_channels=CHANNELS, in_index=3, num_classes=4,
                         loss_decode=[host, {**fbr_loss(), 'warmup_iters': 9}]))))


@pytest.mark.parametrize('kind', ['EncoderDecoder', 'mmfbr.CAMSegmentor'])
def test_steps_of_a_small_segmentor(kind):
    result = measure_training(tiny(kind), (32, 48), (2, 3), repeats=1, device='cpu')
    assert [row['batch'] for row in result['rows']] == [2, 3] and result['map'] == [CHANNELS, 4, 6]
    for row in result['rows']:
        seconds = row['seconds']
        assert set(seconds) == {'host', 'fbr', 'alone', 'projection'} and all(s > 0 for s in seconds.values())
        assert row['share_alone'] == seconds['alone'] / seconds['host']
        assert row['share_rest'] == pytest.approx((seconds['alone'] - seconds['projection']) / seconds['host'])
    assert 'images of 32 x 48, FBR on a map of 64 x 4 x 6' in table(result)


def test_fbrs_part_alone_has_the_gradients_of_the_step():
    from mmengine.registry import MODELS, init_default_scope
    init_default_scope('mmseg')
    settings = tiny().model
    settings.backbone.norm_cfg.type = 'BN'
    model = MODELS.build(settings).train()
    part = Part(model)
    step(model, draw((32, 32), 2, 4))
    of_step = model.neck.phi_fg.weight.grad.clone()
    assert of_step.any()
    fbr = model.decode_head.loss_decode[1]
    fbr._steps -= 1  # the same draws, from a bank
    fbr.nroi.clear()  # that is as it was
    part.alone()
    torch.testing.assert_close(model.neck.phi_fg.weight.grad, of_step, rtol=1e-4, atol=1e-7)
    assert part.leaf.grad.any()
    part.see(draw((32, 32), 2, 4))
    part.projection()
    assert part.leaf.grad.any() and model.neck.phi_bg.weight.grad.any()


def test_lines_of_fbr_are_taken_out():
    model = ConfigDict(
        neck=dict(type='FBRNeck', in_channels=8, neck=dict(type='FPN')),
        decode_head=dict(loss_decode=[dict(type='CrossEntropyLoss'), dict(type='FBRLoss'), dict(type='NROIMapLoss')]),
        auxiliary_head=[dict(loss_decode=dict(type='CrossEntropyLoss'))])
    bare = without_fbr(model)
    assert bare.neck == dict(type='FPN') and bare.decode_head.loss_decode == [dict(type='CrossEntropyLoss')]
    assert bare.auxiliary_head == model.auxiliary_head and len(model.decode_head.loss_decode) == 3


def test_a_config_without_fbr_is_refused():
    config = tiny()
    config.model = without_fbr(config.model)
    with pytest.raises(InputError, match='--train needs a config with FBRNeck and FBRLoss'):
        measure_training(config, (32, 32), (2,), device='cpu')


def test_the_config_of_the_default_is_at_stride_16_with_fbr():
    config = load_config(ROOT / 'mmfbr' / 'benchmark' / 'resnet50_step.py')
    assert config.model.backbone.strides == (1, 2, 2, 1) and config.model.neck.type == 'FBRNeck'
    assert without_fbr(config.model).neck is None


@pytest.mark.parametrize('words, error', [(['--train', '--size', '8'], '--size takes one number'),
                                          (['--detector', 'some.py', '--batch', '1', '2'], '--batch takes one number')])
def test_tool_wants_sizes_and_batches_that_fit(words, error, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *words])
    with pytest.raises(SystemExit):
        runpy.run_path(str(TOOL), run_name='__main__')
    assert error in capsys.readouterr().err
