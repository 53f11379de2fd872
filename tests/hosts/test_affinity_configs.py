"""The configs of IRN and AffinityNet: they train on miniatures, by their papers' schedules."""
import math
from pathlib import Path

import pytest
from mmengine.runner import Runner
from official_archives import write_voc
from test_shipped_configs import two_iterations

from mmfbr.data_prep import prepare_voc12
from mmfbr.demo import write_demo
from mmfbr.engine import load_config
from mmfbr.engine.preflight import check_config
from mmfbr.files import InputError

HOSTS = Path(__file__).resolve().parents[2] / 'configs' / 'hosts'
CONFIGS = sorted(path for name in ('irn', 'psa') for path in (HOSTS / name).glob('*.py'))
CROP = (64, 64)


@pytest.fixture(scope='module', autouse=True)
def data(tmp_path_factory):
    """VOC and the demo data in miniature, with their true masks as labels."""
    root = tmp_path_factory.mktemp('data')
    write_voc(root / 'voc')
    prepare_voc12(root / 'voc12', root / 'voc')
    write_demo(root / 'demo', size=64, train=4, val=2, test=0, background=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('VOC_ROOT', str(root / 'voc12'))
        patch.setenv('DEMO_ROOT', str(root / 'demo'))
        patch.setenv('MSRC_ROOT', str(root / 'demo'))
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        patch.setattr('mmengine.device.utils.DEVICE', 'cpu')
        yield root


def labels_of(path, data):
    return data / ('voc12/SegmentationClassAug' if 'voc12' in path.stem else 'demo/SegmentationClass')


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_two_iterations(path, data, tmp_path, monkeypatch):
    monkeypatch.setenv('AFFINITY_LABELS', str(labels_of(path, data)))
    config = two_iterations(path, tmp_path)
    config.model.data_preprocessor.size = CROP
    if config.model.backbone.type == 'ResNet38d':
        config.model.backbone.width, config.model.decode_head.in_channels = 0.125, (64, 128, 512)
    for transform in config.train_dataloader.dataset.pipeline:
        if transform.type == 'RandomCrop':
            transform.crop_size = CROP
    check_config(config)
    runner = Runner.from_cfg(config)
    runner.train()
    logged = {key.removeprefix('train/'): history.current() for key, history in runner.message_hub.log_scalars.items()}
    names = ('loss_boundary', 'loss_field') if path.stem.startswith('irn') else ('loss_affinity', )
    assert runner.iter == 2 and all(0 < logged[f'decode.{name}'] < math.inf for name in names)


def test_schedules_of_the_released_code():
    """Passes over train_aug's 10582 images, learning rates, crops, radii, and what learns how fast."""
    irn, psa = (load_config(HOSTS / name) for name in ('irn/irn_resnet50_voc12.py', 'psa/psa_resnet38d_voc12.py'))
    for config, batch, passes, rate, decay, crop, radius in (
            (irn, 32, 3, 0.1, 1e-4, 512, 10), (psa, 8, 8, 0.01, 5e-4, 448, 5)):
        assert config.train_dataloader.batch_size == batch
        assert config.train_cfg.max_iters == config.param_scheduler[0].end == 10582 // batch * passes
        assert (config.optim_wrapper.optimizer.lr, config.optim_wrapper.optimizer.weight_decay) == (rate, decay)
        assert config.model.data_preprocessor.size == (crop, crop)
        assert [step.crop_size for step in config.train_dataloader.dataset.pipeline
                if step.type == 'RandomCrop'] == [(crop, crop)]
        assert config.model.decode_head.get('radius', dict(IRNHead=10, AffinityHead=5)[
            config.model.decode_head.type]) == radius
    assert irn.model.type == 'FrozenEncoderDecoder' and psa.model.type == 'EncoderDecoder'


def test_field_learns_ten_times_as_fast(data, tmp_path):
    config = two_iterations(HOSTS / 'irn' / 'irn_resnet18_demo.py', tmp_path)
    runner = Runner.from_cfg({**config, 'experiment_name': 'rates'})
    wrapper = runner.build_optim_wrapper(config.optim_wrapper)
    rates = {id(p): group['lr'] for group in wrapper.param_groups for p in group['params']}
    found = {name.split('.')[1].partition('_')[0]: rates[id(p)] for name, p in runner.model.named_parameters()
             if name.startswith('decode_head')}
    assert found == dict(boundary=0.1, field=1.0)
    assert not [name for name, p in runner.model.backbone.named_parameters() if p.requires_grad]


def test_missing_labels_are_named_before_the_training(data, tmp_path, monkeypatch):
    monkeypatch.setenv('AFFINITY_LABELS', str(tmp_path / 'none'))
    with pytest.raises(InputError, match=r'masks of .* are not in .*none'):
        check_config(two_iterations(HOSTS / 'psa' / 'psa_resnet18_demo.py', tmp_path))
