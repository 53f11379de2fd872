"""Pairs, paths, affinities and their losses against loops over pixels."""
import numpy as np
import pytest
import torch
from slow_affinity import slow_losses, slow_pairs, slow_path

from mmfbr.core import affinity
from mmfbr.core.affinity import (
    affinity_loss,
    displacement_losses,
    feature_affinities,
    offsets,
    pairs,
    path,
    path_affinities,
    relations,
)


def example(height=5, width=7, count=2, seed=0):
    g = torch.Generator().manual_seed(seed)
    labels = torch.tensor([0, 0, 1, 2, 255])[torch.randint(5, (count, height, width), generator=g)]
    return (torch.rand(count, height, width, generator=g), torch.randn(count, 2, height, width, generator=g),
            torch.randn(count, 6, height, width, generator=g), labels)


SIZES = [(5, 7, 3), (6, 4, 5), (1, 9, 4), (3, 2, 10), (1, 1, 5)]


@pytest.mark.parametrize(('height', 'width', 'radius'), SIZES)
def test_pairs_are_all_that_are_near(height, width, radius):
    number = torch.arange(height * width).view(height, width)
    first, partner = pairs(number, radius)
    found = [(divmod(a, width), divmod(b, width)) for a, b in zip(first.tolist(), partner.tolist(), strict=True)]
    assert found == slow_pairs(height, width, radius)


@pytest.mark.parametrize('radius', [5, 10])
def test_paths_hold_the_pixels_near_the_line(radius):
    assert len(offsets(5)) == 34
    for dy, dx in offsets(radius):
        assert sorted(path(dy, dx)) == sorted(slow_path((0, 0), (dy, dx)))
        assert {(0, 0), (dy, dx)} <= {*path(dy, dx)}


@pytest.mark.parametrize(('height', 'width', 'radius'), SIZES)
def test_path_affinity_is_the_complement_of_the_highest_boundary(height, width, radius):
    boundary = example(height, width)[0]
    expected = [[1 - max(float(one[place]) for place in slow_path(*pair)) for pair in
                 slow_pairs(height, width, radius)] for one in boundary]
    np.testing.assert_allclose(path_affinities(boundary, radius), np.reshape(expected, (2, -1)), atol=1e-6)


def test_gradient_reaches_the_highest_boundary_alone():
    boundary = torch.tensor([[[0.1, 0.2, 0.8, 0.3]]], requires_grad=True)
    path_affinities(boundary, 5).sum().backward()
    # Of the six pairs, one has its highest at 1, four at 2 or on the way over it, one of which ends there.
    assert boundary.grad.tolist() == [[[0, -1, -5, 0]]]


def test_feature_affinity():
    features = example()[2]
    expected = [[np.exp(-np.mean([abs(float(one[(c, *a)]) - float(one[(c, *b)])) for c in range(6)]))
                 for a, b in slow_pairs(5, 7, 4)] for one in features]
    np.testing.assert_allclose(feature_affinities(features, 4), expected, atol=1e-6)


@pytest.mark.parametrize('bg_index', [0, 2])
def test_relations(bg_index):
    labels = example()[3]
    found = relations(labels, 3, bg_index)
    for image in range(2):
        for number, pair in enumerate(slow_pairs(5, 7, 3)):
            a, b = (int(labels[(image, *place)]) for place in pair)
            known = 255 not in (a, b)
            assert [bool(kind[image, number]) for kind in found] == [
                known and a == b == bg_index, known and a == b != bg_index, known and a != b]


@pytest.mark.parametrize('labels', [None, 0, 1, 255], ids=['mixed', 'background', 'one class', 'unsure'])
def test_losses(labels):
    boundary, field, _, drawn = example()
    labels = drawn if labels is None else torch.full_like(drawn, labels)
    near = slow_pairs(5, 7, 4)
    values = {pair: [1 - max(float(one[place]) for place in slow_path(*pair)) for one in boundary] for pair in near}
    distances = {}
    for (y, x), (v, u) in near:
        apart = [one[:, y, x] - one[:, v, u] for one in field]
        distances[(y, x), (v, u)] = [(float((d - torch.tensor([v - y, u - x])).abs().mean()), float(d.abs().mean()))
                                     for d in apart]
    labelled = relations(labels, 4)
    found = affinity_loss(path_affinities(boundary, 4), labelled), *displacement_losses(field, labelled, 4)
    np.testing.assert_allclose([float(value) for value in found], slow_losses(values, labels, distances), rtol=1e-4,
                               atol=1e-6)


def test_field_that_points_to_its_centre_has_no_loss():
    y, x = torch.meshgrid(torch.arange(6.), torch.arange(8.), indexing='ij')
    field = torch.stack([2 - y, 5 - x])[None]
    one_class = relations(torch.ones(1, 6, 8), 5)
    assert displacement_losses(field + 3, one_class, 5)[0] == 0  # a constant is left open
    assert displacement_losses(-field, one_class, 5)[0] > 1


def test_losses_of_a_map_without_pairs_are_a_zero_with_a_graph():
    boundary, field = torch.rand(1, 1, 1, requires_grad=True), torch.rand(1, 2, 1, 1, requires_grad=True)
    labelled = relations(torch.ones(1, 1, 1), 5)
    losses = affinity_loss(path_affinities(boundary, 5), labelled), *displacement_losses(field, labelled, 5)
    sum(losses).backward()
    assert sum(losses) == 0 and not boundary.grad.any() and not field.grad.any()


def test_highest_affinities_have_finite_losses():
    certain = torch.tensor([[0.0, 1.0]], requires_grad=True)
    yes, no = torch.ones(1, 2, dtype=torch.bool), torch.zeros(1, 2, dtype=torch.bool)
    affinity_loss(certain, affinity.Relations(yes, no, yes)).backward()
    assert certain.grad.isfinite().all()
