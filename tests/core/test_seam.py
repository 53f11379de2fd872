"""SEAM's functions against one pixel at a time."""
import math

import numpy as np
import pytest
import torch
from reference import pixels

from mmfbr.core.seam import correlate, cross_equivariance, equivariance, minimum_pooling, strongest, with_background

BG = 1


def places(mask):
    """The (image, row, column) of the pixels that a tensor names."""
    return pixels(mask.numpy())


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


@pytest.fixture
def scores(generator):
    return torch.rand(2, 4, 3, 5, generator=generator)


@pytest.fixture
def valid():
    valid = torch.ones(2, 3, 5, dtype=torch.bool)
    valid[1, :, 3:] = False
    return valid


def slow_target(scores):
    """The scores of a view as L_ECR and PCM see them: one foreground class a pixel, and 1 minus its score."""
    out = np.zeros(scores.shape)
    for n, i, j in pixels(scores[:, 0] > -1):
        best = max((c for c in range(scores.shape[1]) if c != BG), key=lambda c: scores[n, c, i, j])
        out[n, best, i, j], out[n, BG, i, j] = scores[n, best, i, j], 1 - scores[n, best, i, j]
    return out


def test_one_class_a_pixel_and_the_background_is_what_it_leaves(scores):
    target = strongest(with_background(scores, BG), BG)
    np.testing.assert_allclose(target, slow_target(scores.numpy()), atol=1e-6)


def test_each_pixel_takes_the_mean_over_all_pixels_like_it(scores, valid, generator):
    feature = torch.randn(2, 6, 3, 5, generator=generator, dtype=torch.float64).requires_grad_()
    refined = correlate(scores.double(), feature, valid)
    expected, f = np.zeros(scores.shape), feature.detach().numpy()
    for n, i, j in places(valid >= 0):
        weights = {(k, m): max(0.0, float(f[n, :, i, j] @ f[n, :, k, m]) / math.sqrt(
            (f[n, :, i, j] ** 2).sum() * (f[n, :, k, m] ** 2).sum())) for o, k, m in places(valid) if o == n}
        for (k, m), weight in weights.items():
            expected[n, :, i, j] += weight * scores.numpy()[n, :, k, m] / (sum(weights.values()) + 1e-5)
    np.testing.assert_allclose(refined.detach(), expected, atol=1e-6)
    refined.square().sum().backward()
    assert feature.grad.abs().sum() > 0


def test_equivariance_is_the_mean_difference_of_the_foreground(scores, valid, generator):
    other = torch.rand(scores.shape, generator=generator)
    values = [abs(scores[n, c, i, j] - other[n, c, i, j]).item() for n, i, j in places(valid) for c in (0, 2, 3)]
    torch.testing.assert_close(equivariance(scores, other, valid, BG).item(), sum(values) / len(values))
    assert equivariance(scores, other, valid & False, BG) == 0


def test_cross_equivariance_is_the_mean_of_the_largest_fifth(scores, valid, generator):
    refined = torch.rand(scores.shape, generator=generator).requires_grad_()
    target, means = slow_target(scores.numpy()), []
    for n in range(2):
        off = [abs(target[n, c, i, j] - refined[n, c, i, j].item()) if valid[n, i, j] else 0.0
               for c, i, j in np.ndindex(4, 3, 5)]
        means.append(sum(sorted(off)[-12:]) / 12)  # a fifth of 60
    loss = cross_equivariance(scores, refined, valid, BG)
    torch.testing.assert_close(loss.item(), sum(means) / 2)
    loss.backward()
    assert (refined.grad != 0).sum() == 24  # the target is given


def test_minimum_pooling_asks_for_a_quarter_without_any_class_of_the_image(scores, valid):
    present = torch.tensor([[True, True, False, True], [False, True, False, False]])
    kept = []
    for n, classes in enumerate(([0, 3], [])):
        claimed = sorted(max([scores[n, c, i, j].item() for c in classes], default=0.0)
                         for m, i, j in places(valid) if m == n)
        kept += claimed[:3]  # a quarter of 15, rounded down
    loss = minimum_pooling(scores, present, valid, BG)
    torch.testing.assert_close(loss.item(), sum(kept) / len(kept))


def test_an_image_that_is_all_padding_costs_nothing(scores, valid):
    none = valid & False
    assert minimum_pooling(scores, torch.ones(2, 4, dtype=torch.bool), none, BG) == 0
    assert cross_equivariance(scores, scores, none, BG) == 0
    assert correlate(scores, scores, none).abs().max() == 0
