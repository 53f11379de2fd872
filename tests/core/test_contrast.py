"""The losses on given pixels: against the reference, grouped against one class at a time, and their gradients."""
import numpy as np
import pytest
import reference as ref
import torch
from batches import first, random_batch
from torch.autograd import gradcheck

from mmfbr.core import background_bce, contrast, decoupling
from mmfbr.core.contrast import BLOCK, grouped_contrast, info_nce, mean_over_classes

TAU = 0.5


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize('tau', [0.07, 0.5, 2.0])
def test_contrast_is_the_reference(tau):
    q, p, shared, own = randn(5, 6), randn(5, 6, seed=1), randn(9, 6, seed=2), randn(5, 9, 6, seed=3)
    for negatives in (shared, own):
        loss = contrast(q, p, negatives, tau)
        of_each = zip(q.numpy(), p.numpy(), negatives.expand(5, -1, -1).numpy(), strict=True)
        expected = [ref.contrast(*one, tau) for one in of_each]
        np.testing.assert_allclose(loss, expected, atol=1e-9)


def test_contrast_with_vectors_of_zeros():
    q, p, n = (torch.zeros(3, 4, dtype=torch.float64) for _ in range(3))
    np.testing.assert_allclose(contrast(q, p, n, TAU), np.log(4))


def test_contrast_survives_a_tiny_temperature():
    q = randn(4, 8, dtype=torch.float32)
    assert contrast(q, q, -q, 1e-3).isfinite().all() and contrast(q, -q, q, 1e-3).isfinite().all()


@pytest.mark.parametrize('sizes', [
    [1], [BLOCK - 1], [BLOCK], [BLOCK + 1], [2 * BLOCK - 1], [2 * BLOCK], [2 * BLOCK + 1], [1, 1, 1],
    [1, 31, 32, 33, 64, 65], [65, 64, 33, 32, 31, 1], [0, 5, 0, 0, 33, 0], [200, 1], [0, 0]
])
@pytest.mark.parametrize('dtype, atol', [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_grouped_is_one_class_at_a_time(either_way, sizes, dtype, atol):
    group = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    q, p = randn(len(group), 16, dtype=dtype), randn(len(group), 16, seed=1, dtype=dtype)
    negatives = randn(len(sizes), 40, 16, seed=2, dtype=dtype)
    q_same = q.clone().requires_grad_()
    q.requires_grad_()
    loss = grouped_contrast(q, p, group, negatives, TAU)
    expected = torch.cat([contrast(q_same[group == g], p[group == g], negatives[g], TAU) for g in range(len(sizes))])
    assert loss.shape == (len(group),)
    assert torch.allclose(loss, expected, atol=atol, rtol=0)
    weight = randn(len(group), seed=3, dtype=dtype)
    for value in (loss, expected):
        (value * weight).sum().backward()
    assert torch.allclose(q.grad, q_same.grad, atol=atol, rtol=0)


def test_grouped_without_queries():
    q = torch.zeros(0, 16, requires_grad=True)
    loss = grouped_contrast(q, q.detach(), torch.zeros(0, dtype=torch.long), torch.zeros(0, 40, 16), TAU)
    assert loss.shape == (0,)
    loss.sum().backward()
    assert q.grad.shape == (0, 16)


def test_info_nce_is_cross_entropy_with_the_positive_first():
    positive, negative = randn(5), randn(5, 9)
    logits = torch.cat([positive[:, None], negative], 1) / TAU
    expected = torch.nn.functional.cross_entropy(logits, torch.zeros(5).long(), reduction='none')
    assert torch.allclose(info_nce(positive, negative, TAU), expected)


def test_mean_over_classes_is_the_reference():
    loss, classes = randn(20).abs(), torch.tensor([0] * 3 + [2] * 10 + [4] * 7)
    for seed in range(5):
        keep = randn(20, seed=seed) > 0.5 * seed - 1
        expected = ref.mean_over_classes({c: loss[keep & (classes == c)].tolist() for c in range(5)})
        assert mean_over_classes(loss, classes, keep, 5).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize('queries', [0, 4])
def test_mean_over_no_class_is_a_connected_zero(queries):
    loss = randn(queries).requires_grad_()
    mean = mean_over_classes(loss * 1, torch.ones(queries).long(), torch.zeros(queries, dtype=torch.bool), 3)
    mean.backward()
    assert mean == 0 and not loss.grad.any()


def test_decoupling_and_bce_are_the_reference():
    z_fg, z_bg, view = random_batch()
    logit, target = 5 * randn(*view.valid.shape), randn(*view.valid.shape, seed=1) > 0
    for valid in (view.valid, torch.ones_like(view.valid), torch.zeros_like(view.valid)):
        expected = ref.decoupling(first(z_fg), first(z_bg), valid.numpy())
        assert decoupling(z_fg, z_bg, valid).item() == pytest.approx(expected, abs=1e-9)
        expected = ref.background_bce(logit.numpy(), target.numpy(), valid.numpy())
        assert background_bce(logit, target, valid).item() == pytest.approx(expected, abs=1e-9)


def test_bce_of_extreme_logits():
    logit = torch.tensor([1e4, -1e4, 1e4, -1e4]).requires_grad_()
    loss = background_bce(logit, torch.tensor([True, False, False, True]), torch.ones(4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == pytest.approx(5000) and logit.grad.tolist() == [0, 0, 0.25, -0.25]


@pytest.mark.parametrize('rows', ['fg', 'bg', 'both'])
def test_decoupling_of_zero_rows_has_finite_gradients(rows):
    z_fg, z_bg = randn(2, 3, 8, dtype=torch.float32), randn(2, 3, 8, seed=1, dtype=torch.float32)
    if rows != 'bg':
        z_fg[0, 0] = 0
    if rows != 'fg':
        z_bg[0, 0] = 0
    z_fg, z_bg = z_fg.requires_grad_(), z_bg.requires_grad_()
    loss = decoupling(z_fg, z_bg, torch.ones(2, 3, dtype=torch.bool))
    loss.backward()
    assert loss.isfinite() and z_fg.grad.isfinite().all() and z_bg.grad.isfinite().all()


def test_without_valid_pixels_losses_are_connected_zeros():
    z_fg, z_bg, logit = (randn(4, 3).requires_grad_() for _ in range(3))
    nothing = torch.zeros(4, dtype=torch.bool)
    total = decoupling(z_fg, z_bg, nothing) + background_bce(logit[:, 0], nothing, nothing)
    total.backward()
    assert total == 0 and all(not z.grad.any() for z in (z_fg, z_bg, logit))


def test_gradients(either_way):
    q, p, n = randn(6, 4), randn(6, 4, seed=1), randn(3, 5, 4, seed=2)
    group = torch.tensor([0, 0, 1, 2, 2, 2])
    assert gradcheck(lambda x: contrast(x, p, n[0], TAU), q.requires_grad_())
    assert gradcheck(lambda x: contrast(x, p, n[group], TAU), q)
    assert gradcheck(lambda x: grouped_contrast(x, p, group, n, TAU), q)
    assert gradcheck(lambda x: mean_over_classes(x, group, torch.arange(6) != 2, 3), randn(6).requires_grad_())
    valid = torch.tensor([True, True, False, True, True, True])
    assert gradcheck(lambda a, b: decoupling(a, b, valid), (q, p.requires_grad_()))
    assert gradcheck(lambda x: background_bce(x, group > 0, valid), randn(6).requires_grad_())
