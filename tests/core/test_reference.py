"""The reference that the tests trust is the method's own definition, wherever that is at hand."""
import importlib.util

import numpy as np
import pytest
import reference as own

BG = 1


@pytest.fixture(scope='module')
def definition(shared):
    spec = importlib.util.spec_from_file_location('definition', shared / 'reference.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=range(3))
def batch(request):
    """Random maps of three images, the last without a valid pixel."""
    g = np.random.default_rng(request.param)
    cam, present = g.normal(size=(3, 5, 6, 7)), g.random((3, 5)) < 0.6
    valid = g.random((3, 6, 7)) < 0.8
    valid[2] = False
    cam[0, 2] = 0.3  # a flat map
    return cam, present, valid, np.maximum(g.normal(size=(3, 8, 6, 7)), 0), np.maximum(g.normal(size=(3, 8, 6, 7)), 0)


def test_views(definition, batch):
    cam, present, valid, *_ = batch
    s = own.cam_scores(cam, present, valid, BG, 0.2)
    np.testing.assert_allclose(s, definition.cam_scores(cam, present, valid, BG, 0.2), atol=1e-12)
    np.testing.assert_allclose(own.cam_probabilities(s, present, BG), definition.cam_probabilities(s, present, BG),
                               atol=1e-12)
    np.testing.assert_array_equal(own.background_target(s, BG), definition.background_target(s, present, BG))


@pytest.mark.parametrize('rate, quantile', [(0.6, 0.1), (0.4, 0.25), (0.0, 0.0), (1.0, 0.5)])
def test_sampling(definition, batch, rate, quantile):
    cam, present, valid, z, _ = batch
    s = own.cam_scores(cam, present, valid, BG, 0.2)
    p, y = own.cam_probabilities(s, present, BG), s.argmax(1)
    unsure = own.queries(s, p, y, valid, BG, rate, quantile)
    np.testing.assert_array_equal(unsure, definition.queries(s, p, y, valid, BG, rate, quantile))
    assert unsure.any() or (rate, quantile) != (0.6, 0.1)
    means, defined = own.prototypes(z, s, y, valid, BG, 16), definition.prototypes(z, s, y, valid, BG, 16)
    assert list(means) == list(defined)
    for c in means:
        np.testing.assert_allclose(means[c], defined[c], atol=1e-12)
        graph, (others, probability) = own.class_graph(means, c, 0.5), definition.class_graph(defined, c, 0.5)
        assert list(graph) == others
        np.testing.assert_allclose(list(graph.values()), probability, atol=1e-12)


@pytest.mark.parametrize('points', [0, 1, 3, 4, 30])
def test_kmeans(definition, points):
    g = np.random.default_rng(points)
    x = g.normal(size=(points, 5))
    np.testing.assert_allclose(own.kmeans(x, range(4)), definition.kmeans(x, np.arange(4)), atol=1e-12)


def test_losses(definition, batch):
    _, _, valid, z_fg, z_bg = batch
    g = np.random.default_rng(0)
    q, positive, negatives = g.normal(size=(6, 8)), g.normal(size=8), g.normal(size=(9, 8))
    each = [own.contrast(v, positive, negatives, 0.5) for v in q]
    assert np.mean(each) == pytest.approx(definition.contrast(q, positive, negatives, 0.5), abs=1e-12)
    per_class = {2: each[:2], 3: [], 4: each[2:]}
    means = {c: np.mean(losses) for c, losses in per_class.items() if losses}
    assert own.mean_over_classes(per_class) == pytest.approx(definition.mean_over_classes(means))
    assert own.mean_over_classes({}) == definition.mean_over_classes({}) == 0
    logit, target = g.normal(size=valid.shape), g.random(valid.shape) < 0.5
    for v in (valid, np.zeros_like(valid)):
        for loss, *inputs in (('decoupling', z_fg, z_bg, v), ('background_bce', logit, target, v)):
            assert getattr(own, loss)(*inputs) == pytest.approx(getattr(definition, loss)(*inputs), abs=1e-12)
