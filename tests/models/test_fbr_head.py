"""`FBRHead`: FBR for heads with losses of their own, without a gradient of its classifier to the encoder."""
import pytest
import torch
from mmengine.logging import MessageHub
from tiny_models import batch, fbr_loss, segmentor

from mmfbr.files import InputError
from mmfbr.models import FBRHead, FBRNeck
from mmfbr.registry import MODELS


@pytest.fixture(autouse=True)
def fresh_hub(request):
    MessageHub.get_instance(request.node.nodeid)


def head_and_maps(seed=0, **settings):
    torch.manual_seed(seed)
    neck = FBRNeck(in_channels=8, in_index=0, channels=16)
    head = MODELS.build(dict(type='FBRHead', num_classes=4, loss=fbr_loss(), **settings))
    weight = torch.randn(2, 8, 8, 8, requires_grad=True)
    return neck, head, weight


def test_only_fbr_reaches_the_features():
    neck, head, weight = head_and_maps()
    maps = (weight * 2,)
    losses = head.loss(neck(maps), batch()[1], None)
    assert set(losses) == {'loss_fbr', 'loss_fbr_pixel'}
    pixel, = torch.autograd.grad(losses['loss_fbr_pixel'], weight, retain_graph=True, allow_unused=True)
    fbr, = torch.autograd.grad(losses['loss_fbr'], weight, retain_graph=True)
    assert pixel is None and fbr.abs().sum() > 0
    sum(losses.values()).backward()
    assert all(p.grad is not None for part in (neck, head) for p in part.parameters())  # DDP


def test_pixel_loss_is_the_mean_cross_entropy_of_labelled_cells():
    neck, head, weight = head_and_maps(pixel_weight=3.)
    maps, samples = (weight * 2,), batch()[1]
    for sample in samples:
        sample.gt_sem_seg.data[..., :12] = 255
    value = head.loss(neck(maps), samples)['loss_fbr_pixel']
    label = torch.cat([s.gt_sem_seg.data for s in samples])[:, ::4, ::4]
    expected = torch.nn.functional.cross_entropy(head.fbr(maps[0]), label, ignore_index=255)
    torch.testing.assert_close(value, 3 * expected)


def test_no_label_at_all_gives_a_finite_zero():
    neck, head, weight = head_and_maps()
    maps = (weight * 2,)
    losses = head.loss(neck(maps), batch(torch.full((2, 32, 32), 255))[1])
    sum(losses.values()).backward()
    assert losses['loss_fbr_pixel'] == 0 and torch.isfinite(weight.grad).all()


def test_map_beside_a_class_token():
    neck, head, weight = head_and_maps()
    maps = ([weight * 2, torch.zeros(2, 8)],)
    assert head.loss(neck(maps), batch()[1])['loss_fbr'] > 0


def test_the_hosts_stream_is_not_touched():
    torch.manual_seed(5)
    neck, before = FBRNeck(in_channels=8), torch.get_rng_state()
    head = FBRHead(num_classes=4)
    head.init_weights()
    assert torch.equal(before, torch.get_rng_state()) and neck.is_read


def test_without_a_neck_it_says_which_line_to_add():
    segmentor()(torch.zeros(2, 3, 32, 32))  # that neck has run: it belongs to this model
    with pytest.raises(InputError, match=r"Add `neck=dict\(type='FBRNeck'"):
        FBRHead(num_classes=4)


def test_features_of_another_model_are_not_read():
    neck, head, weight = head_and_maps()
    maps = (weight * 2,)
    neck(maps)
    with pytest.raises(RuntimeError, match='FBRNeck'):
        head.loss((weight * 3,), batch()[1])
