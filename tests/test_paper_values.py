"""The paper's values are one line of a config away: `configs/_base_/fbr_paper.py`."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS

import mmfbr  # noqa: F401  registers the classes
from mmfbr.engine.run import load_config

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'


@pytest.mark.parametrize('name, weights, capacity, sampling', [
    ('fbr_paper_cam', (0.1, 0.01, 0.1, 0.1), 50_000, (0.6, 0.10, 16)),  # PPC on SEAM and EPS
    ('fbr_paper_seg', (0.1, 0.05, 0.1, 0.0), 100_000, (0.4, 0.25, 32)),  # AMN
])
def test_values_are_those_of_the_method(name, weights, capacity, sampling):
    loss = MODELS.build(Config.fromfile(CONFIGS / '_base_' / 'fbr_paper.py')[name])
    assert (loss.w_if, loss.w_fb, loss.w_decouple, loss.w_bg_seg) == weights
    assert (loss.tau, loss.warmup_iters, loss.ramp_iters, loss.max_pixels) == (0.5, 0, 0, None)
    assert loss.query_weight == 'equal'
    assert loss.negatives == dict(debias=0.0, hardness=0.0)
    bank = loss.nroi
    assert (bank.num_clusters, bank.capacity, bank.rounds, bank.source) == (8, capacity, 10, 'clusters')
    sampler = loss.sampler
    assert (sampler.num_negatives, sampler.floor, sampler.class_sampling) == (256, 0.05, 'graph')
    assert (sampler.rate, sampler.quantile, sampler.prototype_divisor) == sampling


def test_a_config_with_them_is_its_host_and_nothing_but_the_loss():
    host, paper = (load_config(CONFIGS / 'cam' / f'cam_mobilenetv2-os16_msrc{end}.py') for end in ('', '_fbr-paper'))
    head, own = paper.model.decode_head, host.model.decode_head
    assert [loss.type for loss in head.pop('loss_decode')] == ['MultiLabelSoftMarginLoss', 'FBRLoss']
    own.pop('loss_decode', None)
    assert paper.model.pop('neck') == dict(type='FBRNeck', in_channels=320, in_index=0)
    assert head == own and paper.model == host.model and paper.train_cfg == host.train_cfg
