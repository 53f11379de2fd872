"""The configs of patch token contrast: ToCo's schedule, what learns how fast, and the hybrid on miniatures."""
import math
from pathlib import Path

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, PARAM_SCHEDULERS, init_default_scope
from mmengine.runner import Runner
from test_shipped_configs import two_iterations

from mmfbr.demo import write_demo
from mmfbr.engine import load_config

HOSTS = Path(__file__).resolve().parents[2] / 'configs' / 'hosts' / 'ptc'


@pytest.mark.parametrize('name, batch, iterations, high, begin', [
    ('ptc_vit-b16_voc12', 4, 20000, 0.7, 0), ('ptc_vit-b16_coco14', 8, 80000, 0.65, 12000)])
def test_schedule_of_the_released_code(name, batch, iterations, high, begin):
    config = load_config(HOSTS / f'{name}.py')
    assert (config.train_dataloader.batch_size, config.train_cfg.max_iters) == (batch, iterations)
    assert config.model.data_preprocessor.size == (448, 448)
    crops = [step.crop_size for step in config.train_dataloader.dataset.pipeline if step.type == 'RandomCrop']
    assert crops == [(448, 448)]
    settings = {'begin': 0, **config.model.decode_head.loss_ptc}
    assert settings == dict(low=0.25, high=high, begin=begin)
    assert config.model.backbone.out_indices == (9, 11)  # the third from last, and the last
    assert [scheduler.end for scheduler in config.param_scheduler] == [1500, iterations]


def test_rates_are_those_of_the_released_code():
    """Warm-up from nothing over 1500 iterations, then poly decay counted from the start."""
    config = load_config(HOSTS / 'ptc_vit-b16_voc12.py')
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.optim_wrapper.optimizer.lr)
    schedulers = [PARAM_SCHEDULERS.build({**each, 'optimizer': optimizer}) for each in config.param_scheduler]
    rates = []
    for _ in range(20000):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert rates[0] < 1e-9 and rates[750] == pytest.approx(3e-5, rel=0.05) and rates[-1] < 1e-8
    for step in (1500, 10000, 18000):
        assert rates[step] == pytest.approx(6e-5 * (1 - step / 20000) ** 0.9, rel=1e-3)


def test_new_layers_learn_ten_times_as_fast_and_places_stay():
    config = load_config(HOSTS / 'ptc_vit-b16_voc12_fbr.py', {
        'model.backbone.init_cfg': None, 'model.backbone.num_layers': 2, 'model.backbone.out_indices': (0, 1)})
    init_default_scope('mmseg')
    model = MODELS.build(config.model)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    rates = {id(p): group['lr'] for group in wrapper.param_groups for p in group['params']}
    found = {name: round(rates[id(p)] / 6e-5, 6) for name, p in model.named_parameters()}
    assert found.pop('backbone.pos_embed') == 0
    assert {*(rate for name, rate in found.items() if name.startswith('backbone'))} == {1}
    assert {*(rate for name, rate in found.items() if not name.startswith('backbone'))} == {10}
    assert {'decode_head.aux.classifier.weight', 'neck.phi_fg.weight'} <= {*found}


@pytest.mark.parametrize('name', ['ptc_hybrid-mobilenetv2_msrc', 'ptc_hybrid-mobilenetv2_msrc_fbr'])
def test_the_hybrid_trains_on_the_demo_data(name, tmp_path, monkeypatch):
    write_demo(tmp_path / 'demo', size=64, train=4, val=2, test=0, background=0)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    monkeypatch.setattr('mmengine.device.utils.DEVICE', 'cpu')
    demo = load_config(HOSTS / 'ptc_vit-tiny_demo.py').train_dataloader.dataset
    config = two_iterations(HOSTS / f'{name}.py', tmp_path)
    config.train_dataloader.dataset = {**demo, 'data_root': str(tmp_path / 'demo')}
    config.model.decode_head.num_classes, config.model.backbone.cnn.init_cfg = 5, None
    for loss in config.model.decode_head.get('loss_decode', [])[1:]:
        loss.update(warmup_iters=0)
    runner = Runner.from_cfg(config)
    rates = {id(p): group['lr'] for group in runner.build_optim_wrapper(config.optim_wrapper).param_groups
             for p in group['params']}
    slow = {name for name, p in runner.model.named_parameters() if rates[id(p)] == pytest.approx(2e-4)}
    assert slow == {name for name, _ in runner.model.named_parameters() if name.startswith('backbone.patch_embed.cnn')}
    runner.train()
    logged = {key.removeprefix('train/'): history.current() for key, history in runner.message_hub.log_scalars.items()}
    names = ['cls', 'aux', 'ptc'] + ['fbr'] * name.endswith('_fbr')
    assert runner.iter == 2 and all(0 < logged[f'decode.loss_{part}'] < math.inf for part in names)
