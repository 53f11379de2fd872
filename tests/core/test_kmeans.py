"""Batched k-means against the reference, for images of any number of points."""
from collections import Counter
from importlib import import_module
from itertools import permutations

import numpy as np
import pytest
import reference as ref
import torch

from mmfbr.core.kmeans import _lloyd, _plus_plus_start, kmeans

K = 4
INITS = ['random', 'k-means++']
COUNTS = [0, 1, K - 1, K, K + 1, 40]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(counts=COUNTS, dtype=torch.float64):
    """Points (N, P, 3) and a mask that leaves ``counts[n]`` of them, scattered, in image n."""
    points = torch.randn(len(counts), 50, 3, generator=seeded(1), dtype=dtype)
    order = torch.rand(len(counts), 50, generator=seeded(2)).argsort(1).argsort(1)
    return points, order < torch.tensor(counts)[:, None]


def rows(x):
    """Rows as a sorted list, for comparisons that the order does not matter to."""
    return sorted(map(tuple, x.tolist()))


@pytest.mark.parametrize('init', INITS)
@pytest.mark.parametrize('seed', range(5))
def test_start_is_distinct_masked_points(init, seed):
    points, mask = batch()
    start, exists = kmeans(points, mask, K, seeded(seed), rounds=0, init=init)
    assert exists.sum(1).tolist() == [min(count, K) for count in COUNTS]
    for n in range(len(points)):
        chosen = rows(start[n][exists[n]])
        assert len(set(chosen)) == len(chosen)
        assert set(chosen) <= set(rows(points[n][mask[n]]))


def test_random_start_is_uniform():
    points = torch.arange(6.).view(1, 6, 1).expand(6000, -1, -1)
    mask = torch.ones(6000, 6, dtype=torch.bool)
    start, _ = kmeans(points, mask, 2, seeded(), rounds=0)
    assert torch.allclose(start.flatten().long().bincount() / 6000, torch.full((6,), 1 / 3), atol=0.03)


def test_plus_plus_draws_by_squared_distance_to_the_nearest_so_far():
    x = np.array([0., 1., 3., 7.])
    points = torch.tensor(x).view(1, 4, 1).expand(20_000, -1, -1)
    index = _plus_plus_start(points, torch.ones(20_000, 4, dtype=torch.bool), 3, seeded())
    drawn = Counter(map(tuple, index.tolist()))
    for order in permutations(range(4), 3):
        expected = 1 / 4
        for step in (1, 2):
            weight = np.min([(x - x[i]) ** 2 for i in order[:step]], 0)
            expected *= weight[order[step]] / weight.sum()
        assert drawn[order] / 20_000 == pytest.approx(expected, abs=0.01), order


def test_plus_plus_takes_copies_only_when_nothing_else_is_left():
    mask = torch.ones(3000, 6, dtype=torch.bool)
    outlier = torch.tensor([5., 5., 5., 7., 5., 5.]).view(1, 6, 1).expand(3000, -1, -1)
    assert (_plus_plus_start(outlier, mask, 2, seeded()) == 3).any(1).all()
    # Among copies alone each point is as likely as any other.
    index = _plus_plus_start(torch.full((3000, 6, 1), 5.), mask, 2, seeded())
    assert (index[:, 0] != index[:, 1]).all()
    assert torch.allclose(index.flatten().bincount() / 3000, torch.full((6,), 1 / 3), atol=0.04)


@pytest.mark.parametrize('rounds', [1, 3, 10])
@pytest.mark.parametrize('seed', range(3))
def test_lloyd_is_the_reference(rounds, seed):
    points, mask = batch([K + 1, 12, 25, 50])
    start = torch.rand(mask.shape, generator=seeded(seed)).masked_fill(~mask, -1).topk(K).indices
    centroids, exists = _lloyd(points, mask, start, rounds)
    assert exists.all()
    for n in range(len(points)):
        own = mask[n].nonzero()[:, 0].tolist()
        expected = ref.kmeans(points[n][mask[n]].numpy(), [own.index(i) for i in start[n].tolist()], rounds)
        np.testing.assert_allclose(centroids[n], expected, atol=1e-12)


@pytest.mark.parametrize('most', [None, torch.tensor([2, 1, 4, 3, 4])])
def test_images_in_several_blocks_are_as_in_one(monkeypatch, most):
    points, mask = batch([50, 12, 0, 2, 25])
    together = kmeans(points, mask, K, seeded(), most=most)
    monkeypatch.setattr(import_module('mmfbr.core.kmeans'), 'POINTS', 1)
    for one, other in zip(kmeans(points, mask, K, seeded(), most=most), together, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize('init', INITS)
def test_few_points_stand_for_themselves(init):
    points, mask = batch()
    centroids, exists = kmeans(points, mask, K, seeded(), init=init)
    for n, count in enumerate(COUNTS):
        if count <= K:
            assert rows(centroids[n][exists[n]]) == rows(points[n][mask[n]])


@pytest.mark.parametrize('init', INITS)
def test_more_clusters_than_pixels(init):
    points = torch.randn(2, 3, 5, generator=seeded())
    centroids, exists = kmeans(points, torch.ones(2, 3, dtype=torch.bool), 8, seeded(), init=init)
    assert centroids.shape == (2, 8, 5) and exists.sum(1).tolist() == [3, 3]
    assert rows(centroids[0][exists[0]]) == rows(points[0])


@pytest.mark.parametrize('init', INITS)
def test_flat_input_is_its_own_centroid(init):
    centroids, exists = kmeans(torch.full((1, 30, 3), 0.7), torch.ones(1, 30, dtype=torch.bool), K, seeded(), init=init)
    assert exists.all() and torch.allclose(centroids, torch.tensor(0.7))


def test_empty_cluster_keeps_its_centroid_and_ties_go_to_the_lower():
    x = np.array([[0., 0.], [0., 0.], [4., 0.], [5., 0.], [9., 9.], [0., 0.]])
    start = [0, 1, 5, 2]  # three copies of one point: the second and third never win a point
    centroids, _ = _lloyd(torch.tensor(x)[None], torch.ones(1, 6, dtype=torch.bool), torch.tensor([start]), 10)
    np.testing.assert_allclose(centroids[0], ref.kmeans(x, start), atol=1e-12)
    assert centroids[0, 1].tolist() == centroids[0, 2].tolist() == [0, 0]


@pytest.mark.parametrize('init', INITS)
def test_seed_decides(init):
    points, mask = batch([50] * 4)
    one, same, other = (kmeans(points, mask, K, seeded(seed), init=init)[0] for seed in (3, 3, 4))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize('init', INITS)
def test_unmasked_points_do_not_matter(init):
    points, mask = batch()
    changed = points.where(mask[..., None], 1e6)
    found, expected = (kmeans(x, mask, K, seeded(), init=init) for x in (changed, points))
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    points, mask = batch(dtype=torch.float32)
    found, _ = kmeans(points.to(dtype), mask, K, seeded())
    assert found.dtype == torch.float32
    assert torch.equal(found, kmeans(points.to(dtype).float(), mask, K, seeded())[0])


def test_autocast_changes_nothing():
    points, mask = batch(dtype=torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        found, _ = kmeans(points, mask, K, seeded())
    assert torch.equal(found, kmeans(points, mask, K, seeded())[0])


def test_early_stop_is_all_rounds(request):
    points, mask = batch([K + 1, 12, 50])
    early, _ = kmeans(points, mask, K, seeded(), rounds=30)
    request.getfixturevalue('bounded')  # where the repetition is not looked for
    assert torch.equal(early, kmeans(points, mask, K, seeded(), rounds=30)[0])


def test_centroids_carry_no_gradient():
    points, mask = batch()
    assert not kmeans(points.requires_grad_(), mask, K, seeded())[0].requires_grad


def test_unknown_start_is_refused():
    points, mask = batch()
    with pytest.raises(ValueError, match="'random' or 'k-means\\+\\+' points, not from 'grid'"):
        kmeans(points, mask, K, seeded(), init='grid')
