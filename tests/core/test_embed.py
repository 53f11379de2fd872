"""Embeddings of all pixels or of some are those of two products and their ReLU, and so are the gradients."""
import pytest
import torch

from mmfbr.core import rows, sync
from mmfbr.core.embed import AllPixels, SomePixels, embedder

SAMPLES = {'all': None, 'some': torch.tensor([[3, 0, 19], [7, 8, 9], [1, 19, 4]]), 'none': torch.empty(3, 0).long()}
QUERIES = {'none': [], 'one image': [23, 39, 21], 'every image': [59, 3, 27, 0, 41, 2, 40]}  # some drawn too


@pytest.fixture(params=[1, 1000], autouse=True)
def cut(request, monkeypatch):
    """Images looked at one by one, or all at a time."""
    monkeypatch.setattr(rows, 'ROWS', request.param)


def randn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


LAYOUTS = {'channels first': (0, 1, 2, 3), 'channels last': (0, 2, 3, 1), 'tokens first': (2, 3, 0, 1)}


def inputs(layout='channels first', dtype=torch.float32):
    order = LAYOUTS[layout]
    f = randn(3, 10, 4, 5, dtype=dtype).permute(order).contiguous().permute([order.index(i) for i in range(4)])
    f = f.requires_grad_()
    return f, *(randn(6, 10, seed=seed, dtype=dtype).requires_grad_() for seed in (1, 2))


def slow(f, w_fg, w_bg, sample, queries):
    """Of every pixel first, by autograd."""
    fg, bg = ((f.flatten(2).transpose(1, 2) @ w.T).float() for w in (w_fg, w_bg))
    query = fg.flatten(0, 1)[queries].relu()
    if sample is not None:
        fg, bg = (torch.stack([z[index] for z, index in zip(maps, sample, strict=True)]) for maps in (fg, bg))
    return fg.relu(), bg, bg.relu(), query


def gradients(outputs, leaves):
    return torch.autograd.grad(outputs, leaves, [randn(*z.shape, seed=9 + i) for i, z in enumerate(outputs)])


@pytest.mark.parametrize('free', [True, False])
@pytest.mark.parametrize('sample', SAMPLES)
@pytest.mark.parametrize('queries', QUERIES)
@pytest.mark.parametrize('seen', [None, [23, 5], QUERIES['one image'] + QUERIES['every image']])
@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('dtype, tolerance', [(torch.float32, 1e-5), (torch.bfloat16, 0.2), (torch.float16, 0.03)])
def test_embeddings_and_gradients(monkeypatch, free, sample, queries, seen, layout, dtype, tolerance):
    monkeypatch.setattr(sync, 'is_free', lambda tensor: free)
    leaves, sample, queries = inputs(layout, dtype), SAMPLES[sample], torch.tensor(QUERIES[queries]).long()
    pixels = embedder(leaves[0].flatten(2), *leaves[1:], sample)
    if seen is not None:
        pixels.rows(torch.tensor(seen))
    found, expected = pixels.embed(queries), slow(leaves[0].flatten(2), *leaves[1:], sample, queries)
    to_leaves = gradients(found, leaves)
    for a, b in zip((*found, *to_leaves), (*expected, *gradients(expected, leaves)), strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
    assert to_leaves[0].stride() == leaves[0].stride()


@pytest.mark.parametrize('sample', SAMPLES)
@pytest.mark.parametrize('index', QUERIES.values())
def test_rows_are_those_of_the_pixels_asked_for(sample, index):
    f, w_fg, w_bg = inputs()
    found = embedder(f.flatten(2), w_fg, w_bg, SAMPLES[sample]).rows(torch.tensor(index).long())
    every = torch.einsum('nlhw,dl->nhwd', f, w_fg).relu().flatten(0, 2)
    torch.testing.assert_close(found, every[index].detach())
    assert not found.requires_grad


def test_pixels_are_left_out_where_that_saves_products(monkeypatch):
    given = inputs()[0].flatten(2), *inputs()[1:]
    assert isinstance(embedder(*given), AllPixels) and isinstance(embedder(*given, SAMPLES['some']), SomePixels)
    monkeypatch.setattr(sync, 'is_free', lambda tensor: False)
    assert isinstance(embedder(*given, SAMPLES['some']), AllPixels)


@pytest.mark.parametrize('sample', SAMPLES)
def test_a_frozen_map_costs_no_gradient_of_its_own(sample):
    f, *weights = inputs()
    query = embedder(f.detach().flatten(2), *weights, SAMPLES[sample]).embed(torch.tensor([3, 50])).query
    assert torch.autograd.grad(query.sum(), weights[0])[0].any()


@pytest.mark.parametrize('sample', [None, torch.tensor([[2, 0]])])
def test_sums_beyond_float16_stay_finite(sample):
    f, w, query = torch.full((1, 64, 3), 6e4, dtype=torch.float16), torch.ones(2, 64).half(), torch.tensor([1])
    pixels = embedder(f, w, w, sample)
    assert all(z.isfinite().all() for z in (pixels.rows(query), *pixels.embed(query)))
