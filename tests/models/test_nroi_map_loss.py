"""`NROIMapLoss` in a `CAMHead`: what it trains, when it begins, how it goes on, and what it says of wrong settings."""
import copy

import pytest
import torch
from mmengine.logging import MessageHub
from tiny_models import batch, cam_segmentor, fbr_loss, segmentor

from mmfbr.engine.load import is_fbr_key
from mmfbr.files import InputError
from mmfbr.models import NROIMapLoss

KEY = 'decode.loss_nroi_map'


def model(fbr=False, seed=0, **settings):
    losses = [dict(type='MultiLabelSoftMarginLoss'),
              dict(type='NROIMapLoss', in_index=2, num_clusters=3, unlike=0.5, **settings)]
    return cam_segmentor(fbr=fbr, seed=seed, losses=[*losses, fbr_loss()] if fbr else losses)


def loss_of(network, seed=1):
    return network.loss(*batch(seed=seed, size=64))[KEY]


@pytest.mark.parametrize('fbr', [False, True])
def test_trains_the_encoder_not_the_classifier_and_has_no_parameters(fbr):
    network = model(fbr)
    loss = loss_of(network)
    loss.backward()
    gradient = network.backbone.conv1.weight.grad
    assert loss > 0 and gradient.isfinite().all() and gradient.abs().sum() > 0
    assert network.decode_head.classifier.weight.grad is None
    assert not list(NROIMapLoss().parameters())


def test_compared_map_gets_no_gradient():
    maps = torch.randn(2, 3, 8, 8, requires_grad=True)
    early = torch.randn(2, 5, 16, 16, requires_grad=True)  # finer than the class maps
    labels, valid = torch.ones(2, 3).bool(), torch.ones(2, 8, 8).bool()
    NROIMapLoss(unlike=0.5).train()([early, early], maps, labels, valid).backward()
    assert maps.grad.abs().sum() > 0 and early.grad is None


def test_warm_up_and_zero_weight_are_connected_zeros():
    network = model(warmup_iters=2)
    values = [loss_of(network, seed) for seed in range(4)]
    assert [bool(value) for value in values] == [False, False, True, True]
    values[0].backward()
    silent = loss_of(model(loss_weight=0))
    silent.backward()
    assert silent == 0


def test_weight_is_a_factor():
    one, three = loss_of(model(loss_weight=1.0)), loss_of(model(loss_weight=3.0))
    torch.testing.assert_close(3 * one, three)


def test_resumed_run_goes_on_with_the_same_bits():
    straight = model(warmup_iters=1)
    for seed in range(2):
        loss_of(straight, seed)
    state = copy.deepcopy(straight.state_dict())
    expected = loss_of(straight, 5)
    resumed = model(warmup_iters=1, seed=0)
    resumed.load_state_dict(state)
    assert torch.equal(loss_of(resumed, 5), expected)


@pytest.mark.parametrize('iteration, warm', [(0, False), (40, True)])
def test_warm_up_begins_anew_where_a_run_only_loads_weights_to_begin_with(iteration, warm, request):
    hub = MessageHub.get_instance(request.node.nodeid)
    network = model(warmup_iters=1)
    for seed in range(2):
        loss_of(network, seed)
    started = model(warmup_iters=1)
    started.load_state_dict(network.state_dict())
    hub.update_info('iter', iteration)
    assert bool(loss_of(started)) == warm


def test_host_and_its_stream_of_random_numbers_are_left_alone():
    def host(network):
        torch.manual_seed(3)
        value = network.loss(*batch(size=64))['decode.loss_cls']
        return value, torch.rand(4)
    for one, other in zip(host(cam_segmentor(fbr=False)), host(model()), strict=True):
        assert torch.equal(one, other)


def test_prediction_is_that_of_the_host():
    plain, trained = cam_segmentor(fbr=False).eval(), model().eval()
    pixels, samples = batch(size=64)
    with torch.no_grad():
        one, other = (network.predict(pixels, copy.deepcopy(samples)) for network in (plain, trained))
    assert all(torch.equal(a.seg_logits.data, b.seg_logits.data) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize('settings', [
    dict(num_clusters=0), dict(num_clusters=1.5), dict(sure=1), dict(unlike=0), dict(tau=0), dict(prior=1),
    dict(level=0), dict(width=0), dict(warmup_iters=-1), dict(loss_weight=-1)], ids=str)
def test_settings_out_of_range_are_named(settings):
    (name, value), = settings.items()
    with pytest.raises(ValueError, match=f'{name} must be .* it is {value!r}'):
        NROIMapLoss(**settings)


def test_a_missing_map_is_named():
    with pytest.raises(InputError, match=r'in_index=7, but the backbone gives 4 maps .*out_indices'):
        cam_segmentor(fbr=False, losses=[dict(type='NROIMapLoss', in_index=7)]).loss(*batch(size=64))


def test_a_head_without_image_level_labels_is_refused():
    with pytest.raises(InputError, match='works in the loss_decode of a CAMHead'):
        segmentor(fbr=False, losses=[dict(type='NROIMapLoss')]).loss(*batch(size=64))


GALLERY = dict(gallery=dict(channels=32, capacity=40, prototypes=2))


def bank_of(network):
    return network.decode_head.loss_decode[1].bank


def test_gallery_remembers_the_images_of_training_and_is_resumed_with_them():
    straight = model(**GALLERY)
    alone, together = loss_of(model()), loss_of(straight)
    bank, (_, samples) = bank_of(straight), batch(seed=1, size=64)
    present = torch.stack([sample.gt_label.multi_hot for sample in samples]).bool()[:, 1:]
    seen = bank.gallery()
    assert together != alone and 0 < len(seen.nroi) <= 3 * len(present)
    assert {tuple(row) for row in (~seen.absent).tolist()} <= {tuple(row) for row in present.tolist()}
    known = seen.prototypes.any(1)
    assert known.any() and not (known & ~present.any(0)).any()
    torch.testing.assert_close(seen.prototypes[known].norm(dim=1), torch.ones(int(known.sum())))
    torch.testing.assert_close(seen.nroi.norm(dim=1), torch.ones(len(seen.nroi)))

    state = copy.deepcopy(straight.state_dict())
    expected = loss_of(straight, 5)
    resumed = model(**GALLERY)
    resumed.load_state_dict(state)
    assert torch.equal(loss_of(resumed, 5), expected)
    for seed in range(30):
        loss_of(straight, seed)
    assert int(bank.nroi.fill) == 40 and int(bank.prototypes.fill) == 2 * present.shape[1]


def test_gallery_waits_for_the_warm_up_and_is_only_read_in_validation():
    network = model(warmup_iters=1, **GALLERY)
    loss_of(network)
    assert not bank_of(network).nroi.fill
    loss_of(network)
    filled = copy.deepcopy(bank_of(network).state_dict())
    network.eval()
    network.decode_head.loss(network.extract_feat(batch(seed=3, size=64)[0]), batch(seed=3, size=64)[1])
    assert filled['nroi.fill'] and all(torch.equal(filled[key], value)
                                       for key, value in bank_of(network).state_dict().items())


def test_gallery_is_empty_where_a_run_only_loads_weights_to_begin_with(request):
    MessageHub.get_instance(request.node.nodeid).update_info('iter', 0)
    network = model(**GALLERY)
    loss_of(network)
    started = model(warmup_iters=1, **GALLERY)
    started.load_state_dict(network.state_dict())
    loss_of(started)
    assert bank_of(network).nroi.fill and not bank_of(started).nroi.fill


def test_nothing_of_it_is_published():
    assert all(is_fbr_key(key) for key in model(**GALLERY).state_dict() if '.loss_decode.1.' in key)


def test_gallery_of_another_map_is_refused():
    with pytest.raises(InputError, match=r'in_index=2 has 32 channels, gallery.channels says 7'):
        loss_of(model(gallery=dict(channels=7)))
