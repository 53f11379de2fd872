"""Where FBR's gradient does not count, a host is trained by the same batches to the same bits as without FBR."""
import hashlib
import os
import random

import numpy as np
import pytest
import tiny_detectors
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from pairs import TERMS

from mmfbr.benchmark.detector import base_model
from mmfbr.demo import write_demo
from mmfbr.engine import load_config
from mmfbr.engine.load import is_fbr_key
from mmfbr.models.projections import Projections

pytestmark = pytest.mark.filterwarnings('ignore')
CONFIGS = os.path.join(os.path.dirname(__file__), '..', '..', 'configs', 'seg')
LOSS = 'model.decode_head.loss_decode.1.'
SMALL = {
    'train_cfg.max_iters': 4, 'train_dataloader.batch_size': 2, 'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False, 'model.backbone.base_channels': 8, 'model.backbone.stem_channels': 8,
    'model.decode_head.in_channels': 64, 'model.decode_head.dropout_ratio': 0.3, 'log_level': 'ERROR',
    'default_hooks.checkpoint.save_last': False
}
SMALL_FBR = {**SMALL, 'model.neck.in_channels': 64}
ZERO = {f'{LOSS}{term}': 0.0 for term in TERMS}


@pytest.fixture(scope='module', autouse=True)
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp('demo') / 'data'
    write_demo(root, size=64, train=8, val=2, test=2, background=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('DEMO_ROOT', str(root))
        patch.setenv('PSEUDO_MASKS', str(root / 'SegmentationClass'))
        patch.setattr('mmengine.device.utils.DEVICE', 'cpu')
        yield


class Record(Hook):
    """What went into each step, and where the three streams of random numbers stood after it."""

    def __init__(self):
        self.batches, self.streams = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        found = hashlib.sha256()
        for image, sample in zip(data_batch['inputs'], data_batch['data_samples'], strict=True):
            found.update(image.contiguous().numpy().tobytes() + sample.gt_sem_seg.data.numpy().tobytes())
        self.batches.append(found.hexdigest())

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.streams.append(streams())


def streams():
    return torch.get_rng_state().numpy().tobytes(), repr(random.getstate()), repr(np.random.get_state())


def train(name, folder, options):
    """Weights, bank fill and record of a training of the shipped config ``name``, without the hook that seeds each
    step: whatever FBR drew from the host's streams would show in all later steps."""
    config = load_config(os.path.join(CONFIGS, name), options, str(folder))
    config.custom_hooks = []
    config.experiment_name = os.urandom(8).hex()
    for key in ('val_cfg', 'val_dataloader', 'val_evaluator', 'test_cfg', 'test_dataloader', 'test_evaluator'):
        config[key] = None
    runner, record = Runner.from_cfg(config), Record()
    runner.register_hook(record)
    runner.train()
    return runner.model.state_dict(), record


@pytest.fixture(scope='module')
def host(demo, tmp_path_factory):
    return train('fcn_resnet18_demo.py', tmp_path_factory.mktemp('host'), SMALL)


def detached(monkeypatch):
    """Cuts FBR's gradient off before the host; all else of FBR is at work."""
    feature = Projections.feature
    monkeypatch.setattr(Projections, 'feature', property(
        lambda self: None if feature.fget(self) is None else feature.fget(self).detach()))


@pytest.mark.parametrize('case', ['weights of zero', 'gradient cut off', 'at work'])
def test_training_of_a_segmentor(host, tmp_path, monkeypatch, case):
    if case == 'gradient cut off':
        detached(monkeypatch)
    state, record = train('fcn_resnet18_demo_fbr.py', tmp_path, {**SMALL_FBR, **(ZERO if 'zero' in case else {})})
    assert len(set(record.batches)) == 4 and len(set(record.streams)) == 4
    assert record.batches == host[1].batches and record.streams == host[1].streams
    own = {key for key in state if is_fbr_key(key)}
    assert set(state) - own == set(host[0])
    same = [torch.equal(state[key], value) for key, value in host[0].items()]
    assert all(same) == (case != 'at work')
    assert bool(state['decode_head.loss_decode.1.nroi.fill'] > 0) == (case != 'weights of zero')


@pytest.mark.parametrize('case', ['weights of zero', 'gradient cut off', 'at work'])
def test_training_of_a_detector(tmp_path, monkeypatch, case):
    zero = {f'fbr__loss__{term}': 0.0 for term in TERMS} if 'zero' in case else {}
    settings = tiny_detectors.config(tmp_path, **zero).model
    samples = [tiny_detectors.sample([[0, 0, 16, 16], [8, 8, 40, 28]], [0, 2])]
    trained = []
    for model in (tiny_detectors.detector(base_model(settings)), tiny_detectors.detector(settings)):
        if trained and case == 'gradient cut off':
            detached(monkeypatch)
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        torch.manual_seed(0)
        for step in range(3):
            optimizer.zero_grad()
            data = model.data_preprocessor(tiny_detectors.batch([sample.clone() for sample in samples], step), True)
            model.parse_losses(model(**data, mode='loss'))[0].backward()
            optimizer.step()
        trained.append((model.state_dict(), streams()))
    (expected, drawn), (state, after) = trained
    assert drawn == after
    assert all(torch.equal(state[key], value) for key, value in expected.items()) == (case != 'at work')
    assert bool(state['fbr.loss.nroi.fill'] > 0) == (case != 'weights of zero')
