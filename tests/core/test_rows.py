"""Gradients written out are those that autograd finds by itself, in any layout, precision and number of rows."""
import pytest
import torch
from torch.autograd import gradcheck

from mmfbr.core import rows
from mmfbr.core.rows import CosinesAndRows, Embed, NormReluLinear


@pytest.fixture(params=[1, 7, 1000], autouse=True)
def cut(request, monkeypatch):
    """However many rows are looked at at a time."""
    monkeypatch.setattr(rows, 'ROWS', request.param)


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def gradients(outputs, inputs, seed=9):
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return torch.autograd.grad(outputs, inputs, [randn(*o.shape, seed=seed, dtype=o.dtype) for o in outputs])


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('dtype, tolerance', [(torch.float32, 1e-5), (torch.bfloat16, 0.2), (torch.float16, 0.03)])
def test_embed_is_two_products_and_relu(layout, dtype, tolerance):
    f = randn(3, 10, 4, 5, dtype=dtype).to(memory_format=layout).requires_grad_()
    weights = [randn(6, 10, seed=seed, dtype=dtype).requires_grad_() for seed in (1, 2)]
    found = Embed.apply(f.flatten(2), *weights)
    fg, bg = ((f.flatten(2).transpose(1, 2) @ w.T).float() for w in weights)
    expected = fg.relu(), bg, bg.relu()
    to_f, *to_weights = gradients(found, (f, *weights))
    for a, b in zip((*found, to_f, *to_weights), (*expected, *gradients(expected, (f, *weights))), strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
    assert to_f.stride() == f.stride()


def test_a_frozen_map_costs_no_gradient_of_its_own():
    f, weights = randn(2, 5, 6, dtype=torch.float32), [randn(4, 5, dtype=torch.float32).requires_grad_()] * 2
    assert torch.autograd.grad(Embed.apply(f, *weights)[0].sum(), weights[0])[0].any()


def test_sums_beyond_float16_stay_finite():
    f = torch.full((1, 64, 3), 6e4, dtype=torch.float16)
    assert all(z.isfinite().all() for z in Embed.apply(f, *[torch.ones(2, 64, dtype=torch.float16)] * 2))


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
    none, zero = torch.empty(0, dtype=torch.int64), torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    a, b = randn(9, 4).requires_grad_(), randn(9, 4, seed=1).requires_grad_()
    found, expected = CosinesAndRows.apply(a, b, none, 1e-12)[0], torch.nn.functional.cosine_similarity(a, b, 1, 1e-12)
    torch.testing.assert_close(found, expected)
    for x, y in zip(gradients(found, (a, b)), gradients(expected, (a, b)), strict=True):
        torch.testing.assert_close(x, y)
    assert gradcheck(lambda x, y: CosinesAndRows.apply(x, y, none, 1.5)[0], (a, b))  # a length below eps counts as eps
    assert all(x.isfinite().all() for x in gradients(CosinesAndRows.apply(zero, b[:2], none, 1e-12)[0], (zero, b)))


@pytest.mark.parametrize('index', [[], [3, 0, 8], [2, 2, 5, 2]])
def test_rows_and_their_gradient_come_with_the_cosines(index):
    a, b, index = randn(9, 4).requires_grad_(), randn(9, 4, seed=1).requires_grad_(), torch.tensor(index).long()
    assert torch.equal(CosinesAndRows.apply(a, b, index, 1e-12)[1], a[index])
    assert gradcheck(lambda x, y: CosinesAndRows.apply(x, y, index, 1e-12), (a, b))
    gradient, to_b = gradients(CosinesAndRows.apply(a, b, index, 1e-12)[1], (a, b))  # of the rows alone
    torch.testing.assert_close(gradient, *gradients(a[index], (a,)))
    assert not to_b.any()
