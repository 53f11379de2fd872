"""The ablation's settings of `FBRLoss`, and images without any class."""
import copy

import pytest
import torch
from mmengine.logging import MessageHub
from tiny_models import batch, cam_segmentor, fbr_of, segmentor

from mmfbr.models import FBRLoss

NEUTRAL = dict(ramp_iters=0, query_weight='equal', debias=0.0, hardness=0.0, max_pixels=None)


@pytest.fixture(autouse=True)
def fresh_hub(request):
    MessageHub.get_instance(request.node.nodeid)


def values(model, steps=3):
    return [model.loss(*batch(seed=seed, size=64))['decode.loss_fbr'] for seed in range(steps)]


@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
def test_neutral_settings_change_no_bit(build):
    plain = values(build())
    neutral = values(build(**NEUTRAL, nroi=dict(num_clusters=3, capacity=50, channels=16, source='clusters'),
                           sampler=dict(num_negatives=12, class_sampling='graph')))
    assert all(torch.equal(one, other) for one, other in zip(plain, neutral, strict=True))


@pytest.mark.parametrize('setting', [
    dict(query_weight='confidence'), dict(debias=0.2), dict(hardness=1.0), dict(ramp_iters=5), dict(max_pixels=7),
    dict(nroi=dict(num_clusters=3, capacity=50, channels=16, source='pixels')),
    dict(nroi=dict(num_clusters=3, capacity=50, channels=16, pixels_per_cluster=9)),
    dict(sampler=dict(num_negatives=12, class_sampling='uniform'))], ids=lambda setting: '-'.join(setting))
@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
def test_each_setting_changes_the_loss_and_trains(build, setting):
    model = build(**setting)
    changed = values(model)
    changed[-1].backward()
    assert all(value.isfinite() for value in changed) and not torch.equal(changed[-1], values(build())[-1])
    gradient = model.neck.phi_fg.weight.grad
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_weight_grows_over_the_ramp_after_the_warm_up():
    whole, ramp = values(segmentor(warmup_iters=1), 6), values(segmentor(warmup_iters=1, ramp_iters=4), 6)
    share = [float(one.detach() / other.detach()) if other else 0.0 for one, other in zip(ramp, whole, strict=True)]
    assert share == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
    assert torch.equal(ramp[-1], whole[-1])


def test_ramp_goes_on_where_a_resumed_run_was():
    straight = segmentor(ramp_iters=4, dropout=0)
    expected = values(straight, 2)
    state = copy.deepcopy(straight.state_dict())
    expected = straight.loss(*batch(seed=2))['decode.loss_fbr']
    resumed = segmentor(ramp_iters=4, dropout=0)
    resumed.load_state_dict(state)
    assert torch.equal(resumed.loss(*batch(seed=2))['decode.loss_fbr'], expected)


@pytest.mark.parametrize('setting, says', [
    (dict(ramp_iters=-1), 'ramp_iters must not be negative; it is -1'),
    (dict(debias=-0.1), 'debias must not be negative; it is -0.1'),
    (dict(debias=1.0), 'debias is a share of the negatives, below 1; it is 1.0'),
    (dict(hardness=-2), 'hardness must not be negative; it is -2'),
    (dict(query_weight='score'), "query_weight must be 'equal' or 'confidence'; it is 'score'"),
])
def test_settings_out_of_range_are_refused(setting, says):
    with pytest.raises(ValueError, match=says):
        FBRLoss(**setting)


# Images without any class

def nothing_in(image, images=2, classes=4):
    present = torch.zeros(images, classes, dtype=torch.bool)
    present[:, 0] = present[:, 2] = True
    present[image] = torch.tensor([True, False, False, False])
    return present


def test_image_without_a_class_is_all_background_and_trains_the_classifier_to_be_silent():
    model = cam_segmentor()
    losses = model.loss(*batch(present=nothing_in(0)))
    sum(losses.values()).backward()
    assert all(value.isfinite() for value in losses.values())
    assert model.decode_head.classifier.weight.grad[[0, 2]].abs().sum() > 0  # of classes that no image has
    features = model.extract_feat(batch()[0])
    view = model.decode_head.pixel_view(features, nothing_in(0))
    assert (view.labels[0] == 0).all() and view.background_target[0].all() and (view.scores[0, 1:] == 0).all()


def test_batch_without_any_class_fills_the_bank():
    model = cam_segmentor()
    present = nothing_in([0, 1])
    losses = model.loss(*batch(present=present))
    sum(losses.values()).backward()
    assert losses['decode.loss_cls'] > 0 and all(value.isfinite() for value in losses.values())
    assert int(fbr_of(model).nroi.fill) == 2 * 3  # as many clusters an image


# Some pixels in place of all

def randperms(number, size):
    return torch.stack([torch.randperm(size, generator=torch.Generator().manual_seed(n)) for n in range(number)])


def drawn(loss, valid, seed=0):
    return loss._sample(valid, torch.Generator().manual_seed(seed))


def test_pixels_are_drawn_from_those_that_count_each_as_often_as_any_other():
    loss, valid = FBRLoss(max_pixels=6), torch.zeros(3, 4, 5, dtype=torch.bool)
    valid[0], valid[1, 1] = True, True  # 20, 5 and none
    counts = torch.zeros(3, 20)
    for seed in range(2000):
        sample = drawn(loss, valid, seed)
        assert sample.shape == (3, 6) and all(len(set(image)) == 6 for image in sample.tolist())
        counts.scatter_add_(1, sample, torch.ones(3, 6))
    assert (counts[1, 5:10] == 2000).all()
    torch.testing.assert_close(counts[0] / 2000, torch.full((20,), 6 / 20), atol=0.05, rtol=0)


def test_all_are_read_where_there_are_no_more_or_no_limit_and_none_where_nothing_reads_them():
    valid = torch.ones(2, 4, 5, dtype=torch.bool)
    assert drawn(FBRLoss(max_pixels=20), valid) is None and drawn(FBRLoss(max_pixels=None), valid) is None
    for settings in (dict(bg_index=None), dict(w_fb=0, w_decouple=0, w_bg_seg=0)):
        assert drawn(FBRLoss(**settings), valid).shape == (2, 0)


@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
def test_all_pixels_in_any_order_give_the_loss_of_all_pixels(build, monkeypatch):
    found = []
    for order in (None, 'drawn'):
        model = build(max_pixels=None)
        loss = fbr_of(model)
        loss.nroi.push(torch.rand(40, 16, generator=torch.Generator().manual_seed(0)))
        model.neck.phi_seg.dropout = 0.0  # whose mask belongs to places
        monkeypatch.setattr(loss.nroi, 'push', lambda *rows: None)  # so does the start of k-means
        if order:
            monkeypatch.setattr(loss, '_sample', lambda valid, _: randperms(*valid.flatten(1).shape))
        value = model.loss(*batch(size=64))['decode.loss_fbr']
        value.backward()
        found.append((value, *(p.grad for p in model.parameters())))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
def test_few_pixels_train_every_projection_and_fill_the_bank(build):
    model = build(max_pixels=2)
    sum(values(model, 10)).backward()
    bank = fbr_of(model).nroi  # of up to 3 NROIs an image
    assert 0 < int(bank.fill) <= 10 * 2 * 2 and bank.content.isfinite().all()
    assert all(p.grad.any() for name, p in model.named_parameters() if name.startswith(('neck.phi', 'backbone.conv1')))


@pytest.mark.parametrize('value', [0, -1, 2.5, 'all'])
def test_a_number_of_pixels_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match=f'max_pixels must be an integer, at least 1, or None; it is {value!r}'):
        FBRLoss(max_pixels=value)
