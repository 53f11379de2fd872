"""Gradients written out are those that autograd finds by itself, whatever the number of rows looked at at a time."""
import pytest
import torch
from torch.autograd import gradcheck

from mmfbr.core import rows
from mmfbr.core.rows import Cosines, NormReluLinear, Unit


@pytest.fixture(params=[1, 7, 1000], autouse=True)
def cut(request, monkeypatch):
    """However many rows are looked at at a time."""
    monkeypatch.setattr(rows, 'ROWS', request.param)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(outputs, inputs, seed=9):
    return torch.autograd.grad(outputs, inputs, randn(*outputs.shape, seed=seed))


@pytest.mark.parametrize('valid', [[1] * 9, [1, 0, 1, 1, 0, 0, 1, 1, 1], [0] * 9])
@pytest.mark.parametrize('dropped', [False, True])
def test_norm_relu_linear_is_its_layers(valid, dropped):
    valid = torch.tensor(valid, dtype=torch.float64)
    share, noise = valid / valid.sum().clamp(min=1), (50 * randn(9, 4, seed=1)).char() if dropped else None
    inputs = [randn(*shape, seed=seed).requires_grad_() for seed, shape in
              enumerate([(9, 4), (4,), (4,), (4,), (1,)], 2)]

    def layers(x, scale, shift, w, b):
        centred = x - share @ x
        y = centred / (share @ centred.square() + 1e-5).sqrt() * scale + shift
        return (y * (1 if noise is None else noise >= 7)).relu() @ w + b

    def found(x, scale, shift, w, b):
        return NormReluLinear.apply(x, share, noise, 7, scale, shift, w, b, 1e-5)
    torch.testing.assert_close(found(*inputs), layers(*inputs))
    for a, b in zip(gradients(found(*inputs), inputs), gradients(layers(*inputs), inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6 * b.abs().max().item())
    assert gradcheck(found, inputs)


def test_cosines_are_torchs_and_short_rows_have_finite_gradients():
    zero = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    a, b = randn(9, 4).requires_grad_(), randn(9, 4, seed=1).requires_grad_()
    found, expected = Cosines.apply(a, b, 1e-12), torch.nn.functional.cosine_similarity(a, b, 1, 1e-12)
    torch.testing.assert_close(found, expected)
    for x, y in zip(gradients(found, (a, b)), gradients(expected, (a, b)), strict=True):
        torch.testing.assert_close(x, y)
    assert gradcheck(lambda x, y: Cosines.apply(x, y, 1.5), (a, b))  # a length below eps counts as eps
    assert all(x.isfinite().all() for x in gradients(Cosines.apply(zero, b[:2], 1e-12), (zero, b)))


def test_unit_is_torchs_normalize_and_short_rows_have_finite_gradients():
    zero, x = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True), randn(2, 5, 4).requires_grad_()
    found, expected = Unit.apply(x, 1e-12), torch.nn.functional.normalize(x, dim=-1, eps=1e-12)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(found, (x,)), gradients(expected, (x,)))
    assert gradcheck(lambda x: Unit.apply(x, 1.5), x)  # a length below eps counts as eps
    assert gradients(Unit.apply(zero, 1e-12), (zero,))[0].isfinite().all()
