"""Queries, prototypes and class graph against the reference; the plan's promises, with sizes counted and bounded."""
import numpy as np
import pytest
import reference as ref
import torch
from batches import first, random_batch, rows_of, view_of

from mmfbr.core import ActiveSampler, class_graph, prototypes, queries

TAU = 0.5


def arrays(view):
    return view.scores.numpy(), view.probabilities.numpy(), view.labels.numpy(), view.valid.numpy()


def plan_of(sampler, z_fg, view, bg_index=0, seed=0):
    return sampler.plan(rows_of(z_fg), view, bg_index, TAU, torch.Generator().manual_seed(seed))


def blank(labels, classes=4, channels=8, **view):
    """z_fg and a view of ``labels`` (N, H, W), 255 ignored; all foreground is unsure but an image's lowest entropy."""
    g = torch.Generator().manual_seed(0)
    labels = torch.as_tensor(labels)
    scores = torch.randn(len(labels), classes, *labels.shape[1:], generator=g, dtype=torch.float64).softmax(1)
    z = torch.randn(*labels.shape, channels, generator=g, dtype=torch.float64).relu()
    return z, view_of(scores, labels, labels != 255, **{'rate': 1.0, 'quantile': 0.0, **view})


# Queries

@pytest.mark.parametrize('bg_index', [0, 2, 4, None])
@pytest.mark.parametrize('rate, quantile', [(0.4, 0.25), (0.6, 0.10), (0.0, 0.0), (1.0, 0.0), (0.5, 1.0), (0.3, 0.9)])
def test_queries_are_the_references(bg_index, rate, quantile):
    for seed in range(4):
        _, _, view = random_batch(seed)
        found = queries(view.scores, view.probabilities, view.labels, view.valid, bg_index, rate, quantile)
        np.testing.assert_array_equal(found, ref.queries(*arrays(view), bg_index, rate, quantile))


@pytest.mark.parametrize('floor', [0.0, 0.05, 0.3, 1.0])
def test_scores_up_to_the_floor_do_not_count(floor):
    _, _, view = random_batch()
    found = queries(view.scores, view.probabilities, view.labels, view.valid, 0, 0.4, 0.1, floor)
    np.testing.assert_array_equal(found, ref.queries(*arrays(view), 0, 0.4, 0.1, floor))


@pytest.mark.parametrize('seed', range(4))
def test_queries_with_ties(seed):
    g = torch.Generator().manual_seed(seed)
    kinds = torch.tensor([[0.05, 0.55, 0.40], [0.40, 0.50, 0.10], [0.20, 0.50, 0.30]], dtype=torch.float64)
    scores = kinds[torch.randint(3, (2, 8, 8), generator=g)].permute(0, 3, 1, 2).contiguous()
    view = view_of(scores, torch.randint(3, (2, 8, 8), generator=g), torch.rand(2, 8, 8, generator=g) < 0.8)
    for rate, quantile, floor in [(0.0, 0.0, 0.1), (0.4, 0.25, 0.05), (0.6, 0.5, 0.4), (0.3, 0.0, 0.3), (1, 0.7, 0.5)]:
        found = queries(view.scores, view.probabilities, view.labels, view.valid, 0, rate, quantile, floor)
        np.testing.assert_array_equal(found, ref.queries(*arrays(view), 0, rate, quantile, floor))


def test_queries_do_not_read_labels_where_nothing_counts():
    _, _, view = random_batch()
    expected = queries(view.scores, view.probabilities, view.labels, view.valid, 0, 0.4, 0.25)
    labels = view.labels.where(view.valid, 255)
    assert torch.equal(queries(view.scores, view.probabilities, labels, view.valid, 0, 0.4, 0.25), expected)


# Prototypes and class graph

@pytest.mark.parametrize('bg_index', [0, 2, 4, None])
@pytest.mark.parametrize('divisor', [1, 2, 5, 16, 1000])
def test_prototypes_are_the_references(either_way, bg_index, divisor):
    z, _, view = random_batch(divisor)
    means, present = prototypes(z, view.scores, view.labels, view.valid, bg_index, divisor)
    expected = ref.prototypes(first(z), arrays(view)[0], *arrays(view)[2:], bg_index, divisor)
    assert present.nonzero()[:, 0].tolist() == list(expected)
    for c in range(len(means)):
        np.testing.assert_allclose(means[c], expected.get(c, np.zeros(8)), atol=1e-12)


def test_prototype_of_scores_that_sum_to_zero_is_a_plain_mean(either_way):
    z, _, view = random_batch()
    scores = view.scores.clone()
    scores[:, 3] = 0
    means, _ = prototypes(z, scores, view.labels, view.valid, 0, 4)
    expected = ref.prototypes(first(z), scores.numpy(), *arrays(view)[2:], 0, 4)
    for c in expected:
        np.testing.assert_allclose(means[c], expected[c], atol=1e-12)


def test_prototypes_of_tied_scores_take_the_first_pixels(either_way):
    z, view = blank([[[1, 1, 2], [1, 2, 255]]])
    scores = torch.full_like(view.scores, 0.25)
    means, _ = prototypes(z, scores, view.labels, view.valid, 0, 3)
    assert torch.allclose(means[1], z[0, 0, :2].mean(0)) and torch.allclose(means[2], (z[0, 0, 2] + z[0, 1, 1]) / 2)


def test_prototypes_carry_no_gradient():
    z, _, view = random_batch()
    assert not prototypes(z.requires_grad_(), view.scores, view.labels, view.valid, 0, 16)[0].requires_grad


@pytest.mark.parametrize('present', [[], [3], [1, 4], [0, 2, 3], list(range(12))])
@pytest.mark.parametrize('tau', [0.1, 0.5])
def test_class_graph_is_the_references(present, tau):
    means = torch.randn(12, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    there = torch.zeros(12, dtype=torch.bool)
    there[present] = True
    graph, linked = class_graph(means * there[:, None], there, tau)
    expected = np.zeros((12, 12))
    for c in present:
        for other, probability in ref.class_graph({k: means[k].numpy() for k in present}, c, tau).items():
            expected[c, other] = probability
    np.testing.assert_allclose(graph, expected, atol=1e-12)
    np.testing.assert_array_equal(linked, expected.any(1))


# The plan

@pytest.mark.parametrize('bg_index', [0, 2, 4, None])
@pytest.mark.parametrize('seed', range(3))
def test_plan_keeps_its_promises(either_way, bg_index, seed):
    z, _, view = random_batch(seed, size=(9, 8), rate=0.6, quantile=0.1)
    plan = plan_of(ActiveSampler(num_negatives=300), z, view, bg_index, seed)
    label, valid = view.labels.flatten(), view.valid.flatten()
    unsure = queries(view.scores, view.probabilities, view.labels, view.valid, bg_index, 0.6, 0.1).flatten()
    assert sorted(plan.queries[plan.keep].tolist()) == unsure.nonzero()[:, 0].tolist()
    assert plan.candidates == unsure.sum() == plan.keep.sum()
    assert (plan.classes.diff() >= 0).all()
    assert torch.equal(plan.classes[plan.keep], label[plan.queries[plan.keep]])
    means, present = prototypes(z, view.scores, view.labels, view.valid, bg_index, view.prototype_divisor)
    assert torch.equal(plan.prototypes, means) and not plan.prototypes.requires_grad
    assert (plan.groups.diff() > 0).all() and set(plan.classes.tolist()) <= set(plan.groups.tolist())
    for c, pixels, contrasted in zip(plan.groups.tolist(), plan.negatives, plan.contrasted, strict=True):
        assert contrasted == (present[c] and present.sum() > 1)
        if contrasted:
            assert set(label[pixels].tolist()) == set(present.nonzero()[:, 0].tolist()) - {c}
            assert valid[pixels].all()


def test_negatives_follow_the_class_graph(either_way):
    z, _, view = random_batch(1, size=(5, 5), bg_index=2)
    plan = plan_of(ActiveSampler(num_negatives=40_000), z, view, 2)
    label = view.labels.flatten()
    graph, _ = class_graph(plan.prototypes, plan.prototypes.any(1), TAU)
    for c, pixels in zip(plan.groups.tolist(), plan.negatives, strict=True):
        if not graph[c].any():
            continue
        share = label[pixels].bincount(minlength=5) / 40_000
        np.testing.assert_allclose(share, graph[c], atol=0.01)
        for other in graph[c].nonzero()[:, 0].tolist():  # and within a class each pixel is as likely as any other
            own = (view.valid.flatten() & (label == other)).nonzero()[:, 0]
            np.testing.assert_allclose(pixels.bincount(minlength=75)[own] / 40_000, share[other] / len(own), atol=0.005)


@pytest.mark.parametrize('most', [1, 3, 60, 100, 252, 253, 254])
def test_cap_keeps_small_classes_whole(either_way, most):
    labels = torch.tensor([1] * 3 + [2] * 50 + [3] * 200 + [0] * 35)[torch.randperm(
        288, generator=torch.Generator().manual_seed(0))].view(2, 12, 12)
    z, view = blank(labels)
    sampler = ActiveSampler(num_negatives=4, max_queries=most)
    unsure = queries(view.scores, view.probabilities, view.labels, view.valid, 0, 1.0, 0.0).flatten()
    plan, other = plan_of(sampler, z, view), plan_of(sampler, z, view, seed=1)
    kept = plan.queries[plan.keep]
    assert len(plan.queries) <= most and plan.candidates == unsure.sum()
    assert len(kept) == len(set(kept.tolist())) == min(most, int(unsure.sum()))
    assert unsure[kept].all() and (plan.classes.diff() >= 0).all()
    assert torch.equal(plan.classes[plan.keep], labels.flatten()[kept])
    have, got = (labels.flatten()[index].bincount(minlength=4).tolist() for index in (unsure.nonzero()[:, 0], kept))
    share = max(got)
    assert all(g in (h, share, share - 1) for g, h in zip(got, have, strict=True))
    if 3 < most < unsure.sum():
        assert set(kept.tolist()) != set(other.queries[other.keep].tolist())


@pytest.mark.parametrize('labels, queries_left, contrasted', [
    ([[[0, 0], [0, 0]]], 0, False),            # background alone
    ([[[255, 255], [255, 255]]], 0, False),    # nothing that counts
    ([[[1]]], 0, False),                       # one pixel: its entropy is not above itself
    ([[[1, 1], [0, 255]]], None, False),       # one class
    ([[[1, 2], [255, 255]]], 1, True),
    ([[[1, 1]], [[255, 255]], [[3, 3]]], 2, True),
])
def test_plan_of_little(either_way, labels, queries_left, contrasted):
    z, view = blank(labels)
    plan = plan_of(ActiveSampler(num_negatives=5), z, view)
    assert queries_left is None or plan.keep.sum() == queries_left
    assert plan.contrasted.any() == contrasted
    assert plan.negatives.shape == (len(plan.groups), 5) and plan.prototypes.shape == (4, 8)
    assert ((plan.negatives >= 0) & (plan.negatives < view.labels.numel())).all()


def test_no_query_where_every_entropy_is_the_same(either_way):
    z, view = blank([[[1, 2], [3, 0]]])
    flat = view_of(torch.full_like(view.scores, 0.25), view.labels, view.valid, quantile=0.0)
    assert plan_of(ActiveSampler(num_negatives=5), z, flat).keep.sum() == 0


def test_seed_decides(either_way):
    z, _, view = random_batch(rate=0.9, quantile=0.0)
    sampler = ActiveSampler(num_negatives=50, max_queries=20)
    one, same, other = (plan_of(sampler, z, view, seed=seed) for seed in (5, 5, 6))
    assert all(torch.equal(getattr(one, key), getattr(same, key)) for key in vars(one))
    assert not torch.equal(one.negatives, other.negatives)


def test_own_rates_replace_the_hosts():
    z, _, view = random_batch()
    sampler = ActiveSampler(num_negatives=5, rate=0.9, quantile=0.0, prototype_divisor=2)
    plan = plan_of(sampler, z, view)
    assert plan.candidates == queries(view.scores, view.probabilities, view.labels, view.valid, 0, 0.9, 0.0).sum()
    assert torch.equal(plan.prototypes, prototypes(z, view.scores, view.labels, view.valid, 0, 2)[0])


@pytest.mark.parametrize('option, value, says', [
    ('num_negatives', 0, 'num_negatives must be an integer, at least 1; it is 0'),
    ('max_queries', 2.5, 'max_queries must be an integer, at least 1; it is 2.5'),
    ('prototype_divisor', 0, 'prototype_divisor must be an integer, at least 1; it is 0'),
    ('rate', 1.1, r'rate must lie in \[0, 1\]; it is 1.1'),
    ('quantile', -0.1, r'quantile must lie in \[0, 1\]; it is -0.1'),
    ('floor', 2, r'floor must lie in \[0, 1\]; it is 2'),
])
def test_arguments_out_of_range_are_refused(option, value, says):
    with pytest.raises(ValueError, match=says):
        ActiveSampler(**{option: value})
