"""Mixed and half precision, extreme numbers and numbers that are none: what FBR makes of them."""
import functools
import math

import pytest
import torch
from mmengine.optim import AmpOptimWrapper
from pairs import batch, pair, parameters, step
from tiny_models import batch as images_of
from tiny_models import cam_segmentor, fbr_of, segmentor

from mmfbr.models import fbr_loss

HALVES = [torch.float16, torch.bfloat16]
FAR = 1e18  # magnitude of an embedding from which squares leave float32


def gradients(neck):
    return {name: value.grad for name, value in parameters(neck).items()}


def alike(one, other):
    """Cosine of two tensors, and the share by which their lengths differ."""
    one, other = one.flatten().double(), other.flatten().double()
    return torch.cosine_similarity(one, other, dim=0).item(), (one.norm() / other.norm()).log().abs().item()


@pytest.fixture
def contrasts(monkeypatch):
    """(autocast is on, types of the tensors) of each loss that is computed."""
    calls = []

    def spied(loss, *args, **settings):
        calls.append((torch.is_autocast_enabled('cpu'),
                      {arg.dtype for arg in args if torch.is_tensor(arg) and arg.is_floating_point()}))
        return loss(*args, **settings)
    for name in ('contrast', 'grouped_contrast', 'decoupling', 'background_bce'):
        monkeypatch.setattr(fbr_loss, name, functools.partial(spied, getattr(fbr_loss, name)))
    return calls


@pytest.mark.parametrize('dtype', HALVES)
def test_under_autocast_losses_are_computed_in_float32_and_close(contrasts, dtype, monkeypatch):
    feature, logits, label = batch(seed=2)  # k-means of the rounded map finds the same clusters
    feature = feature.to(dtype)  # what a layer under autocast gives
    neck, loss = pair()
    plans, plan = [], loss.sampler.plan
    monkeypatch.setattr(loss.sampler, 'plan', lambda *args: plans.append(plan(*args)) or plans[-1])
    exact, exact_map = step(neck, loss, feature.float(), logits, label)

    cast_neck, cast_loss = pair()
    draw = cast_loss.sampler.plan  # what follows it draws the same numbers, too
    monkeypatch.setattr(cast_loss.sampler, 'plan', lambda *args: (draw(*args), plans[0])[1])  # the same pixels
    contrasts.clear()
    with torch.autocast('cpu', dtype):
        value, at_map = step(cast_neck, cast_loss, feature, logits.to(dtype), label)
    assert contrasts == [(False, {torch.float32})] * 4
    assert value.dtype == torch.float32 and value.item() == pytest.approx(exact.item(), rel=0.01)
    assert cast_loss.nroi.content.isfinite().all() and at_map.dtype == dtype
    expected = gradients(neck)
    for one, other in [(at_map, exact_map), *((value, expected[key]) for key, value in gradients(cast_neck).items())]:
        cosine, ratio = alike(one, other)
        assert cosine > 0.99 and ratio < 0.05


@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
def test_a_model_trains_under_bfloat16_on_the_cpu(build):
    trained = []
    for enabled in (False, True):
        model, values = build(dropout=0) if build is segmentor else build(), []
        optimizer = torch.optim.SGD(model.parameters(), 0.05)
        for seed in range(4):
            optimizer.zero_grad()
            with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
                losses = model.loss(*images_of(seed=seed))
            sum(value for key, value in losses.items() if 'loss' in key).backward()
            assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
            optimizer.step()
            values.append(losses['decode.loss_fbr'].item())
        assert all(p.isfinite().all() for p in model.parameters()) and fbr_of(model).nroi.content.isfinite().all()
        trained.append(values)
    assert trained[1] == pytest.approx(trained[0], rel=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device: mmengine makes an AmpOptimWrapper on an '
                    'accelerator only')
@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_a_model_trains_with_a_gradient_scaler_on_a_gpu(build, dtype):
    model = build().cuda()
    wrapper = AmpOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), 0.05), dtype=dtype, loss_scale='dynamic')
    before = model.neck.phi_fg.weight.detach().clone()
    for seed in range(6):
        pixels, samples = images_of(seed=seed)
        with wrapper.optim_context(model):
            losses = model.loss(pixels.cuda(), [sample.to('cuda') for sample in samples])
        assert losses['decode.loss_fbr'].dtype == torch.float32 and losses['decode.loss_fbr'].isfinite()
        wrapper.update_params(sum(value for key, value in losses.items() if 'loss' in key))
    assert all(p.isfinite().all() for p in model.parameters()) and fbr_of(model).nroi.content.isfinite().all()
    assert not torch.equal(model.neck.phi_fg.weight, before)


@pytest.mark.parametrize('dtype, rel', [(torch.float64, 1e-4), (torch.float16, 1e-2), (torch.bfloat16, 3e-2)])
def test_parameters_of_another_precision(dtype, rel):
    feature, logits, label = batch()
    exact_neck, exact_loss = pair()
    neck, loss = (part.to(dtype) for part in pair())
    for one in (exact_neck, neck):
        one.phi_seg.eval()  # in float64 its dropout draws other numbers
    for _ in range(2):
        expected, _ = step(exact_neck, exact_loss, feature, logits, label)
        value, at_map = step(neck, loss, feature.to(dtype), logits.to(dtype), label)
        assert value.item() == pytest.approx(expected.item(), rel=rel)
        assert at_map.dtype == dtype and at_map.isfinite().all()
        assert all(g.dtype == dtype and g.isfinite().all() for g in gradients(neck).values())


def extremes():
    """Maps of length 32, by name: all that a type holds, but not what leaves it in a single product."""
    g = torch.Generator().manual_seed(2)
    normal = torch.randn(2, 32, 8, 8, generator=g)
    yield from dict(zeros=0 * normal, equal=torch.ones_like(normal), tiny=1e-30 * normal, large=1e4 * normal,
                    mostly_dead=normal * (normal > 2), one_pixel=normal * (torch.arange(64) == 9).view(8, 8),
                    far=FAR / 10 * normal).items()
    for dtype in HALVES:
        name = str(dtype).removeprefix('torch.')
        yield f'{name}_max', torch.full_like(normal, torch.finfo(torch.float16).max).to(dtype)
        yield f'{name}_max_of_both_signs', (normal.sign() * torch.finfo(torch.float16).max).to(dtype)
        yield f'{name}_smallest', (normal.sign() * 6e-5).to(dtype)


LOGITS = dict(usual=1.0, zeros=0.0, large=1e4, float16_max=65504.0, far=1e30)


@pytest.mark.parametrize('feature', [pytest.param(value, id=name) for name, value in extremes()])
@pytest.mark.parametrize('logits', LOGITS.values(), ids=LOGITS)
@pytest.mark.parametrize('tau', [0.5, 0.01])
def test_extreme_maps_and_logits_give_finite_values_and_gradients(feature, logits, tau):
    _, usual, label = batch()
    neck, loss = pair(tau=tau)
    for _ in range(2):  # the second reads what the first put into the bank
        value, at_map = step(neck, loss, feature, usual * logits, label)
        assert math.isfinite(value) and value >= 0 and at_map.isfinite().all()
        assert all(g.isfinite().all() for g in gradients(neck).values())
    assert loss.nroi.content.isfinite().all() and loss.nroi.fill > 0


@pytest.mark.parametrize('spoiled', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('where', [..., (0, 0, 0, 0), (1, slice(None), 3)], ids=['all', 'one', 'a row'])
def test_a_host_that_overflows_once_ends_nothing_and_spoils_nothing(spoiled, where):
    feature, logits, label = batch()
    bad = feature.clone()
    bad[where] = spoiled
    neck, loss = pair()
    value, _ = step(neck, loss, bad, logits, label)
    assert not value.isfinite()  # a gradient scaler must see it, to pass over the step
    neck.zero_grad()
    assert loss.nroi.content.isfinite().all()
    value, at_map = step(neck, loss, feature, logits, label)
    assert value.isfinite() and at_map.isfinite().all() and all(g.isfinite().all() for g in gradients(neck).values())


def test_logits_that_are_no_numbers_end_nothing():
    feature, logits, label = batch()
    neck, loss = pair()
    step(neck, loss, feature, logits * math.nan, label)
    assert loss.nroi.content.isfinite().all()
    assert step(neck, loss, feature, logits, label)[0].isfinite()
