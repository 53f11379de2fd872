"""Settings that an ablation changes: each against a slow reference, and without any effect where it is left alone."""
import numpy as np
import pytest
import reference as ref
import torch
from batches import random_batch, rows_of
from torch.autograd import gradcheck

from mmfbr.core import ActiveSampler, NROIBank, kmeans
from mmfbr.core.contrast import contrast, grouped_contrast, info_nce, mean_over_classes

TAU = 0.5


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def slow_contrast(query, positive, negatives, tau, debias, hardness):
    """The loss of one query with the sum over its negatives as Chuang et al. and Robinson et al. write it."""
    e = [np.exp(ref.cosine(query, other) / tau) for other in negatives]
    pos = np.exp(ref.cosine(query, positive) / tau)
    weights = [value**hardness for value in e]
    mean = sum(w * value for w, value in zip(weights, e, strict=True)) / sum(weights)
    mean = max((mean - debias * pos) / (1 - debias), np.exp(-1 / tau))
    return -np.log(pos / (pos + len(e) * mean))


@pytest.mark.parametrize('tau', [0.1, 0.5, 2.0])
@pytest.mark.parametrize('debias, hardness', [(0.1, 0), (0.9, 0), (0, 1), (0, 3), (0.2, 0.5), (1e-12, 1e-12)])
def test_reweighted_negatives_are_the_reference(tau, debias, hardness):
    q, p, n = randn(7, 6), randn(7, 6, seed=1), randn(3, 9, 6, seed=2)
    group = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    expected = [slow_contrast(*one, tau, debias, hardness) for one in zip(
        q.numpy(), p.numpy(), n[group].numpy(), strict=True)]
    np.testing.assert_allclose(contrast(q, p, n[group], tau, debias, hardness), expected, atol=1e-9)
    np.testing.assert_allclose(grouped_contrast(q, p, group, n, tau, debias, hardness), expected, atol=1e-9)
    shared = contrast(q[:2], p[:2], n[0], tau, debias, hardness)
    np.testing.assert_allclose(shared, expected[:2], atol=1e-9)
    if debias < 1e-9:
        assert (np.array(expected) > contrast(q, p, n[group], tau).numpy() - 1e-9).all()  # hard ones weigh more


def test_negatives_weigh_as_they_are_unless_told():
    positive, negative = randn(5, dtype=torch.float32).tanh(), randn(5, 9, dtype=torch.float32).tanh()
    plain = torch.cat([positive[:, None], negative], 1) / TAU
    torch.testing.assert_close(info_nce(positive, negative, TAU), plain.logsumexp(1) - plain[:, 0])
    assert gradcheck(lambda p, n: info_nce(p, n, TAU), (randn(5).requires_grad_(), randn(5, 9).requires_grad_()))


@pytest.mark.parametrize('tau', [1e-3, 0.02, 0.5])
def test_reweighted_negatives_survive_a_tiny_temperature(tau):
    q = randn(4, 8, dtype=torch.float32).requires_grad_()
    for positive, negatives in ((q.detach(), -q.detach()), (-q.detach(), q.detach())):
        loss = contrast(q, positive, negatives, tau, debias=0.1, hardness=1.0)
        gradient, = torch.autograd.grad(loss.sum(), q)
        assert loss.isfinite().all() and gradient.isfinite().all()


def test_no_gradient_through_the_weight_of_a_negative():
    negative = randn(2, 5).requires_grad_()
    info_nce(randn(2), negative, TAU, hardness=2.0).sum().backward()
    moved, step = negative.detach().clone(), 1e-6
    weight = (2.0 * negative.detach() / TAU).softmax(1)

    def with_frozen_weight(x):
        total = 5 * (weight * (x / TAU).exp()).sum(1)
        return ((randn(2) / TAU).exp() + total).log().sum()
    moved[0, 1] += step
    slope = (with_frozen_weight(moved) - with_frozen_weight(negative.detach())) / step
    assert negative.grad[0, 1].item() == pytest.approx(slope.item(), rel=1e-4)


def test_weighted_queries():
    loss, classes, weight = randn(6).abs(), torch.tensor([0, 0, 0, 2, 2, 3]), torch.tensor([.1, .3, 0, .5, .2, 0])
    expected = np.mean([(0.1 * loss[0] + 0.3 * loss[1]) / 0.4, (0.5 * loss[3] + 0.2 * loss[4]) / 0.7])
    assert mean_over_classes(loss, classes, weight, 5).item() == pytest.approx(expected)
    equal = mean_over_classes(loss, classes, torch.ones(6), 5)
    assert torch.equal(equal, mean_over_classes(loss, classes, torch.ones(6, dtype=torch.bool), 5))


# NROIs

def background_of(counts, size=60, channels=5):
    z = randn(len(counts), size, channels, dtype=torch.float32)
    order = torch.rand(len(counts), size, generator=torch.Generator().manual_seed(1)).argsort(1).argsort(1)
    return z, order < torch.tensor(counts)[:, None]


def bank(**settings):
    return NROIBank(**{'num_clusters': 4, 'capacity': 50, 'channels': 5, **settings})


@pytest.mark.parametrize('init', ['random', 'k-means++'])
def test_pixels_in_place_of_nrois_are_different_background_pixels(generator, init):
    counts = [0, 1, 4, 5, 60]
    z, background = background_of(counts)
    rows, exist = bank(source='pixels', init=init).extract(z, background, generator)
    assert exist.sum(1).tolist() == [0, 1, 4, 4, 4]
    for n in range(len(counts)):
        drawn = {tuple(row) for row in rows[n][exist[n]].tolist()}
        assert len(drawn) == exist[n].sum() and drawn <= {tuple(row) for row in z[n][background[n]].tolist()}


def test_every_background_pixel_is_as_likely(generator):
    z = torch.arange(6.).view(1, 6, 1).expand(2000, 6, 5)
    rows, _ = bank(source='pixels', num_clusters=2).extract(z, torch.ones(2000, 6, dtype=torch.bool), generator)
    share = rows[..., 0].long().flatten().bincount() / 2000
    np.testing.assert_allclose(share, np.full(6, 1 / 3), atol=0.04)


def test_number_of_clusters_by_the_background(generator):
    counts = [0, 1, 9, 10, 11, 25, 60]
    z, background = background_of(counts)
    rows, exist = bank(pixels_per_cluster=10, num_clusters=4).extract(z, background, generator)
    assert exist.sum(1).tolist() == [0, 1, 1, 1, 2, 3, 4]
    for n in (2, 3):  # one cluster is the mean, though there are more pixels than clusters
        np.testing.assert_allclose(rows[n, 0], z[n][background[n]].mean(0), atol=1e-6)
    assert exist[:, 0].tolist() == [False] + [True] * 6  # those that exist come first


@pytest.mark.parametrize('most', [1, 2, 3])
def test_fewer_clusters_are_the_reference(most):
    points, mask = randn(3, 40, 3), torch.ones(3, 40, dtype=torch.bool)
    start, _ = kmeans(points, mask, 4, torch.Generator().manual_seed(0), rounds=0)
    found, exist = kmeans(points, mask, 4, torch.Generator().manual_seed(0), most=torch.full((3,), most))
    for n in range(3):
        index = [points[n].tolist().index(row) for row in start[n, :most].tolist()]
        assert exist[n].sum() == most
        np.testing.assert_allclose(found[n, :most], ref.kmeans(points[n].numpy(), index), atol=1e-12)


def test_as_many_clusters_as_allowed_are_those_without_a_limit():
    points, mask = background_of([0, 3, 4, 5, 60])
    plain, limited = (kmeans(points, mask, 4, torch.Generator().manual_seed(0), most=most)
                      for most in (None, torch.full((5,), 4)))
    assert torch.equal(plain[1], limited[1])
    assert torch.equal(plain[0][plain[1]], limited[0][limited[1]])


# Sampling

def test_uniform_classes(either_way):
    z, _, view = random_batch(1, size=(5, 5), bg_index=2)
    z[view.labels == 0] = z[view.labels == 1][0]  # two classes alike: the graph would prefer one to the other
    plan = ActiveSampler(num_negatives=20_000, class_sampling='uniform').plan(
        rows_of(z), view, 2, 0.05, torch.Generator().manual_seed(0))
    label = view.labels.flatten()
    present = set(label[view.valid.flatten()].tolist()) - {2}
    for c, pixels, contrasted in zip(plan.groups.tolist(), plan.negatives, plan.contrasted, strict=True):
        if contrasted:
            share = label[pixels].bincount(minlength=5) / 20_000
            expected = [float(other in present - {c}) / len(present - {c}) for other in range(5)]
            np.testing.assert_allclose(share, expected, atol=0.02)


@pytest.mark.parametrize('build, says', [
    (lambda: bank(source='grid'), "source must be 'clusters' or 'pixels'; it is 'grid'"),
    (lambda: bank(pixels_per_cluster=-1), 'pixels_per_cluster must be an integer, at least 1; it is -1'),
    (lambda: bank(pixels_per_cluster=0), 'pixels_per_cluster must be an integer, at least 1; it is 0'),
    (lambda: ActiveSampler(class_sampling='all'), "class_sampling must be 'graph' or 'uniform'; it is 'all'"),
])
def test_settings_out_of_range_are_refused(build, says):
    with pytest.raises(ValueError, match=says):
        build()
