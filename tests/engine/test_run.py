"""What a training with several processes on a CPU is set to before it starts."""
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from mmfbr.engine.run import _runner
from mmfbr.files import InputError


@pytest.fixture
def run(monkeypatch, tmp_path):
    """A function of model and config: the config that mmengine's runner gets."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.distributed, 'init_process_group', lambda backend: None)

    def start(model=None, **settings):
        def made(config):
            made.config, runner = config, object.__new__(Runner)
            runner.model = model or nn.BatchNorm2d(3)
            return runner
        monkeypatch.setattr(Runner, 'from_cfg', made)
        _runner(Config(dict(work_dir=str(tmp_path), env_cfg={}, **settings)), 'pytorch')
        return made.config
    return start


def test_model_is_wrapped_as_mmengine_does_it_on_gpus(run):
    assert run().model_wrapper_cfg == dict(
        type='MMDistributedDataParallel', broadcast_buffers=False, find_unused_parameters=False, device_ids=None)


def test_settings_of_the_config_are_kept(run):
    assert run(find_unused_parameters=True).model_wrapper_cfg.find_unused_parameters
    own = run(model_wrapper_cfg=dict(type='MMSeparateDistributedDataParallel', static_graph=True)).model_wrapper_cfg
    assert own.static_graph and own.type == 'MMSeparateDistributedDataParallel' and own.device_ids is None


def test_layer_that_needs_gpus_is_named(run):
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(nn.SyncBatchNorm(3)))
    with pytest.raises(InputError, match="^1.0 is a SyncBatchNorm, which torch runs on GPUs only.*'BN'"):
        run(model)
