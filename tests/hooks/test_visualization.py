"""`FBRVisualizationHook`: which pictures it writes, for which hosts, and that a run does not notice."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.registry import HOOKS
from mmengine.visualization import Visualizer
from PIL import Image
from tiny_models import batch, cam_segmentor, fbr_of, segmentor

from mmfbr.files import InputError
from mmfbr.hooks import FBRVisualizationHook
from mmfbr.hooks.visualization import histogram

KINDS = ('cam', 'nroi', 'queries', 'similarity')


@pytest.fixture
def validate(tmp_path):
    """Runs one validation of a model with the hook as mmengine's loop does; returns the pictures written."""
    visualizer = Visualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path / 'vis'))

    def run(model, hook, images=3, epochs=1):
        pixels, samples = batch(images=images, size=48)
        for index, sample in enumerate(samples):
            Image.new('RGB', (60, 40), (index * 40, 90, 120)).save(tmp_path / f'photo{index}.jpg')
            sample.set_metainfo(dict(img_path=str(tmp_path / f'photo{index}.jpg')))
        runner = SimpleNamespace(model=model, visualizer=visualizer, iter=7)
        for _ in range(epochs):
            model.eval()
            hook.before_val_epoch(runner)
            for start in range(0, images, 2):
                data = dict(inputs=[x.clone() for x in pixels[start:start + 2]], data_samples=samples[start:start + 2])
                hook.after_val_iter(runner, start, data, model.val_step(dict(data)))
        return {path.stem: np.asarray(Image.open(path)) for path in (tmp_path / 'vis').rglob('*.png')}
    return run


@pytest.mark.parametrize('make', [cam_segmentor, segmentor])
def test_pictures_of_the_first_images(validate, make):
    found = validate(make(), FBRVisualizationHook(num_images=2))
    assert set(found) == {f'fbr_photo{index}_{kind}_7' for index in (0, 1) for kind in KINDS}
    for name, picture in found.items():
        if 'similarity' not in name:
            assert picture.shape == (40, 60, 3)  # of the photograph, not of the network's input
    assert found['fbr_photo0_nroi_7'].std() > 0


def test_a_run_does_not_notice(validate):
    model = cam_segmentor()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    torch.manual_seed(3)
    stream = torch.get_rng_state()
    validate(model, FBRVisualizationHook())
    assert torch.equal(torch.get_rng_state(), stream)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert fbr_of(model).nroi.fill == 0


def test_interval_counts_validations(validate, tmp_path):
    hook = FBRVisualizationHook(interval=2)
    validate(cam_segmentor(), hook)
    for path in (tmp_path / 'vis').rglob('*.png'):
        path.unlink()
    assert not validate(cam_segmentor(), hook)
    assert validate(cam_segmentor(), hook)


def test_models_without_fbr_and_wrong_numbers_are_named(validate):
    with pytest.raises(InputError, match='no FBRNeck'):
        validate(cam_segmentor(fbr=False), FBRVisualizationHook())
    with pytest.raises(ValueError, match='num_images'):
        HOOKS.build(dict(type='FBRVisualizationHook', num_images=0))


def test_histogram_bars_are_shares():
    even, shifted = (histogram(np.full(9, at), np.linspace(0, 1, 100)) for at in (0.2, 0.8))
    assert even.dtype == np.uint8 and even.ndim == 3 and (even != shifted).any()
    assert histogram(np.zeros(0), np.zeros(0)).shape == even.shape
