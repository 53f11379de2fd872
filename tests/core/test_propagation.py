"""The random walk against powers of the dense matrix."""
import math

import numpy as np
import pytest
import torch
from slow_affinity import dense, slow_pairs, slow_path

from mmfbr.core import propagation
from mmfbr.core.propagation import (
    boundary_walk,
    enlarged,
    power_coefficients,
    random_walk,
    reduced,
    transitions,
)


def example(height, width, radius, count=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    affinity = torch.rand(len(slow_pairs(height, width, radius)), generator=g)
    affinity[::7] = 0
    return torch.rand(count, height, width, generator=g), affinity


@pytest.mark.parametrize(('height', 'width', 'radius'), [(6, 9, 3), (9, 5, 5), (1, 6, 4), (2, 2, 5), (1, 1, 5)])
@pytest.mark.parametrize(('beta', 'steps'), [(10, 256), (8, 1), (1, 5), (2.5, 64), (3, 0)])
def test_against_a_power_of_the_dense_matrix(height, width, radius, beta, steps):
    scores, affinity = example(height, width, radius)
    power = np.linalg.matrix_power(dense(affinity, height, width, radius, beta), steps)
    expected = (power @ scores.double().numpy().reshape(3, -1).T).T.reshape(scores.shape)
    # 256 steps in float32 are up to 256 roundings of the weights away, in whatever order they are taken.
    np.testing.assert_allclose(random_walk(scores, affinity, radius, beta, steps), expected, atol=2.0**-15)


def test_channels_are_walked_in_groups(monkeypatch):
    scores, affinity = example(6, 9, 4, count=5)
    together = random_walk(scores, affinity, 4)
    monkeypatch.setattr(propagation, 'TOGETHER', 2 * 6 * 9)
    np.testing.assert_allclose(random_walk(scores, affinity, 4), together, atol=1e-7)
    assert random_walk(scores[:0], affinity, 4).shape == (0, 6, 9)


def test_constant_stays_and_a_wall_holds():
    scores, affinity = example(4, 8, 5)
    np.testing.assert_allclose(random_walk(torch.full_like(scores, 0.25), affinity, 5), 0.25, atol=1e-6)
    first, partner = (torch.tensor([pair[side][1] for pair in slow_pairs(4, 8, 5)]) for side in (0, 1))
    walled = torch.where((first < 4) == (partner < 4), 0.9, 0.0)
    scores = torch.zeros(1, 4, 8)
    scores[0, 1, 1] = 1
    walked = random_walk(scores, walled, 5)[0]
    assert (walked[:, 4:] == 0).all() and (walked[:, :4] > 0.02).all()


def test_weights_of_each_pixel_sum_to_one():
    weights, places = transitions(example(5, 6, 4)[1], (5, 6), 4, 10)
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-6)
    assert len({*places}) == len(places) == len(weights)


@pytest.mark.parametrize('steps', [0, 1, 2, 7, 64, 256, 1024])
def test_expansion_is_the_power_with_few_terms(steps):
    found = power_coefficients(steps)
    angle = np.linspace(0, np.pi, 1001)
    value = sum(c * np.cos(k * angle) for k, c in enumerate(found))
    np.testing.assert_allclose(value, np.cos(angle)**steps, atol=2.1 * propagation.LEFT_OUT)
    assert sum(found) == pytest.approx(1, abs=1e-15)
    assert len(found) - 1 <= math.sqrt(34 * max(steps, 34))


def test_boundary_walk_is_irns_propagation_of_a_small_image():
    """From boundary to refined scores with everything dense: all pairs, their paths, the matrix and its power."""
    height, width, g = 7, 11, torch.Generator().manual_seed(1)
    boundary = torch.rand(height, width, generator=g)
    scores = torch.rand(2, height, width, generator=g)
    affinity = [1 - max(float(boundary[place]) for place in slow_path(*pair)) for pair in slow_pairs(height, width, 5)]
    power = np.linalg.matrix_power(dense(torch.tensor(affinity), height, width, 5, 10), 2**8)
    start = (scores * (1 - boundary)).double().numpy().reshape(2, -1)
    expected = (start @ power.T).reshape(scores.shape)
    np.testing.assert_allclose(boundary_walk(scores, boundary, 5, 10, 2**8), expected, atol=2.0**-15)


@pytest.mark.parametrize(('size', 'cells'), [((17, 30), (5, 8)), ((500, 375), (63, 47)), ((1, 1), (1, 1))])
def test_maps_are_reduced_and_enlarged_again(size, cells):
    cam = torch.rand(2, *size, generator=torch.Generator().manual_seed(0))
    small = reduced(cam, cells)
    assert small.shape == (2, *cells) and small.mean() == pytest.approx(float(cam.mean()), abs=0.1)
    assert enlarged(small, size).shape == cam.shape
    constant = torch.full((1, *cells), 0.3)
    np.testing.assert_allclose(enlarged(constant, size), 0.3, atol=1e-6)


def test_enlarged_maps_lie_where_their_cells_lie():
    small = torch.zeros(1, 5, 8)
    small[0, 3, 6] = 1
    y, x = divmod(int(enlarged(small, (17, 30))[0].argmax()), 30)
    assert 12 <= y < 16 and 24 <= x < 28
