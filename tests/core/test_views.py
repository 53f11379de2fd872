"""Both hosts' views of the pixels: against the reference, and the segmentation host's against torch at full size."""
import numpy as np
import pytest
import reference as ref
import torch
from torch.nn import functional as F

from mmfbr.core import background_target, cam_probabilities, cam_scores, cam_view, segmentation_view

BG = 2


@pytest.fixture
def cam(generator):
    """Raw maps (3, 5, 6, 7), image labels and valid pixels: none in the last image; one map is flat, one negative."""
    maps = torch.randn(3, 5, 6, 7, generator=generator, dtype=torch.float64)
    present = torch.rand(3, 5, generator=generator) < 0.6
    valid = torch.rand(3, 6, 7, generator=generator) < 0.8
    maps[0, 0], maps[0, 1], present[0, :2], valid[2] = 0.3, -1, True, False
    return maps, present, valid


def test_cam_scores(cam):
    maps, present, valid = cam
    scores = cam_scores(maps, present, valid, BG, 0.2)
    np.testing.assert_allclose(scores, ref.cam_scores(*(x.numpy() for x in cam), BG, 0.2), atol=1e-12)
    assert scores.min() >= 0 and scores.max() <= 1


def test_cam_scores_do_not_read_the_backgrounds_channel(cam):
    maps, present, valid = cam
    expected = cam_scores(maps, present, valid, BG, 0.2)
    maps = maps.clone()
    maps[:, BG] = torch.nan
    assert torch.equal(cam_scores(maps, present, valid, BG, 0.2), expected)


def test_cam_probabilities_and_target(cam):
    maps, present, valid = cam
    scores = cam_scores(maps, present, valid, BG, 0.2)
    probabilities = cam_probabilities(scores, present, BG)
    np.testing.assert_allclose(probabilities, ref.cam_probabilities(scores.numpy(), present.numpy(), BG), atol=1e-12)
    assert torch.allclose(probabilities.sum(1), torch.ones((), dtype=torch.float64))
    np.testing.assert_array_equal(background_target(scores, BG), ref.background_target(scores.numpy(), BG))


def test_cam_view_is_of_a_cam_host(cam):
    maps, present, valid = cam
    view = cam_view(maps.requires_grad_(), present, valid, BG, 0.2)
    assert (view.rate, view.quantile, view.prototype_divisor) == (0.6, 0.10, 16)
    assert torch.equal(view.labels, view.scores.argmax(1)) and view.valid is valid
    assert (view.labels[2] == BG).all()  # where nothing counts, nothing is seen
    assert torch.equal(view.probabilities, cam_probabilities(view.scores, present, BG))
    assert not view.scores.requires_grad and not view.probabilities.requires_grad


def test_temperature_sharpens_the_probabilities_only(cam):
    maps, present, valid = cam
    plain, sharp = (cam_view(maps, present, valid, BG, 0.2, temperature) for temperature in (1.0, 0.1))
    assert torch.equal(plain.scores, sharp.scores)
    expected = ref.cam_probabilities(plain.scores.numpy() / 0.1, present.numpy(), BG)
    np.testing.assert_allclose(sharp.probabilities, expected, atol=1e-12)


@pytest.mark.parametrize('channels', [1, 2, 5])
@pytest.mark.parametrize('small', [(6, 7), (12, 14), (2, 3), (1, 1), (5, 4), (9, 3), (13, 20)])
def test_segmentation_view_is_torchs_resize_of_the_full_softmax(generator, channels, small):
    logits = 4 * torch.randn(2, channels, 6, 7, generator=generator, dtype=torch.float64)
    label = torch.randint(max(channels, 2), (2, 6, 7), generator=generator)
    label[0, :2] = 255
    view = segmentation_view(logits, label, small)
    full = logits.softmax(1) if channels > 1 else torch.cat([1 - logits.sigmoid(), logits.sigmoid()], 1)
    expected = F.interpolate(full, small, mode='bilinear', align_corners=False)
    assert torch.allclose(view.scores, expected, atol=1e-12) and view.scores is view.probabilities
    np.testing.assert_allclose(view.scores, ref.bilinear(ref.class_probabilities(logits.numpy()), small), atol=1e-12)
    nearest = F.interpolate(label[:, None].double(), small, mode='nearest')[:, 0].long()
    np.testing.assert_array_equal(nearest, ref.nearest(label.numpy(), small))
    assert torch.equal(view.valid, nearest != 255) and view.labels.max() < 255
    assert torch.equal(view.labels[view.valid], nearest[view.valid])
    assert torch.equal(view.background_target & view.valid, nearest == 0)


def test_segmentation_view_of_a_crop_at_stride_16(generator):
    logits = torch.randn(1, 3, 512, 496, generator=generator)
    label = torch.randint(3, (1, 512, 496), generator=generator)
    view = segmentation_view(logits, label, (32, 31))
    expected = F.interpolate(logits.softmax(1), (32, 31), mode='bilinear', align_corners=False)
    assert torch.allclose(view.scores, expected, atol=1e-6)
    assert torch.equal(view.labels, F.interpolate(label[:, None].float(), (32, 31), mode='nearest')[:, 0].long())


def test_segmentation_view_is_of_a_segmentation_host(generator):
    logits = torch.randn(1, 3, 4, 4, generator=generator).requires_grad_()
    view = segmentation_view(logits, torch.full((1, 4, 4), 2), (4, 4), bg_index=2)
    assert (view.rate, view.quantile, view.prototype_divisor) == (0.4, 0.25, 32)
    assert not view.scores.requires_grad and view.background_target.all()
    assert segmentation_view(logits, torch.zeros(1, 4, 4).long(), (4, 4), bg_index=None).background_target is None


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_read_in_float32(generator, dtype):
    logits, label = torch.randn(1, 3, 4, 4, generator=generator).to(dtype), torch.zeros(1, 4, 4).long()
    view = segmentation_view(logits, label, (2, 2))
    assert view.scores.dtype == torch.float32
    assert torch.equal(view.scores, segmentation_view(logits.float(), label, (2, 2)).scores)


@pytest.mark.parametrize('value, ignore_index', [(3, 255), (-1, 255), (255, None), (255, -1)])
def test_label_out_of_range_is_refused(value, ignore_index):
    label = torch.zeros(1, 4, 4).long()
    label[0, 0, 0] = value
    with pytest.raises(ValueError, match=f'label {value} is neither one of the 3 classes nor .*num_classes'):
        segmentation_view(torch.zeros(1, 3, 4, 4), label, (4, 4), ignore_index=ignore_index)


@pytest.mark.parametrize('ignore_index, counting', [(None, [0, 1, 2]), (255, [0, 1, 2]), (1, [0, 2]), (0, [1, 2])])
def test_any_label_can_be_the_ignored_one(ignore_index, counting):
    label = torch.tensor([0, 1, 2]).view(1, 1, 3)
    view = segmentation_view(torch.zeros(1, 3, 1, 3), label, (1, 3), ignore_index=ignore_index)
    assert view.labels[view.valid].tolist() == counting
    assert ((view.labels >= 0) & (view.labels < 3)).all()


def test_ignore_index_may_be_negative():
    view = segmentation_view(torch.zeros(1, 3, 1, 2), torch.tensor([[[-1, 2]]]), (1, 2), ignore_index=-1)
    assert view.valid.tolist() == [[[False, True]]] and view.labels[0, 0, 1] == 2
