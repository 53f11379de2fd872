"""PPC's labels, prototypes and contrasts against one pixel at a time."""
import math

import numpy as np
import pytest
import torch
from reference import cosine, pixels

from mmfbr.core.ppc import class_prototypes, intra_view_contrast, pixel_labels, prototype_contrast

BG, TAU = 0, 0.1
PRESENT = torch.tensor([[1, 1, 1, 0, 0], [1, 0, 1, 0, 1]]).bool()


def places(mask):
    """The (image, row, column) of the pixels that a tensor names."""
    return pixels(mask.numpy())


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(11)


@pytest.fixture
def scores(generator):
    return torch.rand(2, 5, 4, 6, generator=generator) * PRESENT[:, :, None, None]


@pytest.fixture
def valid():
    valid = torch.ones(2, 4, 6, dtype=torch.bool)
    valid[0, :, 5] = False
    return valid


@pytest.fixture
def embedding(generator):
    return torch.randn(2, 8, 4, 6, generator=generator, dtype=torch.float64)


def slow_labels(scores, bg_score):
    return np.array([[[max([(bg_score, 0)] + [(scores[n, c, i, j].item(), c) for c in range(1, 5) if PRESENT[n, c]])[1]
                       for j in range(6)] for i in range(4)] for n in range(2)])


def slow_prototypes(embedding, scores, labels, valid, most):
    out = {}
    for c in sorted({labels[at] for at in places(valid)}):
        def score(at, c=c):
            n, i, j = at
            return 1 - scores[n, 1:, i, j].max().item() if c == BG else scores[n, c, i, j].item()
        best = sorted((at for at in places(valid) if labels[at] == c), key=score, reverse=True)[:most]
        mean = sum(score((n, i, j)) * embedding[n, :, i, j].numpy() for n, i, j in best)
        out[int(c)] = mean / np.linalg.norm(mean)
    return out


def slow_contrast(pixel, own, others):
    e = [math.exp(cosine(pixel, p) / TAU) for p in (own, *others)]
    return -math.log(e[0] / sum(e))


@pytest.fixture
def view(embedding, scores, valid):
    labels = pixel_labels(scores, PRESENT, BG, 0.4)
    return embedding, *class_prototypes(embedding, scores, labels, valid, BG, 6), labels, valid


def test_labels_and_prototypes(view, scores):
    embedding, means, exists, labels, valid = view
    np.testing.assert_array_equal(labels, slow_labels(scores, 0.4))
    expected = slow_prototypes(embedding, scores, labels.numpy(), valid, 4)  # 24 / 6
    assert exists.nonzero()[:, 0].tolist() == sorted(expected) == [0, 1, 2, 4]
    for c, mean in expected.items():
        np.testing.assert_allclose(means[c], mean, atol=1e-6)


def test_a_score_counts_as_its_class_only_above_the_background():
    scores = torch.tensor([0.0, 0.1, 0.15, 0.0, 0.0]).view(1, 5, 1, 1)
    assert [pixel_labels(scores, PRESENT[:1], BG, bg).item() for bg in (0.1, 0.15, 0.2)] == [2, 0, 0]


def test_contrast_with_the_prototypes_or_labels_of_the_other_view(view, generator):
    embedding, means, exists, labels, valid = view
    other = torch.randint(0, 5, labels.shape, generator=generator)  # class 3 has no prototype
    protos = {c: means[c].numpy() for c in range(5) if exists[c]}
    for y in (labels, other):
        losses = [slow_contrast(embedding[n, :, i, j].numpy(), protos[int(y[n, i, j])],
                                [p for c, p in protos.items() if c != y[n, i, j]])
                  for n, i, j in places(valid) if int(y[n, i, j]) in protos]
        value = prototype_contrast(embedding, means, exists, y, valid, TAU)
        torch.testing.assert_close(value.item(), sum(losses) / len(losses), rtol=1e-6, atol=1e-6)


def slow_intra(view, drawn):
    """``drawn`` (P,): the random numbers that order the pixels of a class."""
    embedding, means, exists, labels, valid = view
    protos = {c: means[c].numpy() for c in range(len(means)) if exists[c]}
    everywhere, totals = places(valid >= 0), []
    for c in protos:
        own = [at for at in places(valid) if labels[at] == c]
        half = len(own) // 2
        if not half:
            continue
        loss, close = {}, {}
        for at in own:
            pixel = embedding[at[0], :, at[1], at[2]].numpy()
            ranked = sorted((p for k, p in protos.items() if k != c), key=lambda p: -cosine(pixel, p))  # noqa: B023
            last, keep = (math.floor(share * len(ranked) + 0.5) for share in (0.6, 0.5))
            loss[at] = slow_contrast(pixel, protos[c], ranked[last - keep:last])
            close[at] = cosine(pixel, protos[c])
        at_random = sorted(own, key=lambda at: drawn[everywhere.index(at)])[:half]
        last = max(half, int(0.6 * len(own)))
        hard = sorted(own, key=close.get)[last - half:last]
        totals.append(sum(loss[at] for at in (*at_random, *hard)) / (2 * half))
    return sum(totals) / len(totals)


def test_contrast_within_a_view(view):
    drawn = torch.rand(48, generator=torch.Generator().manual_seed(1))
    value = intra_view_contrast(*view, TAU, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(value.item(), slow_intra(view, drawn.tolist()), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('classes', [2, 3, 9, 21])
def test_contrast_within_a_view_of_any_number_of_classes(classes, generator):
    z = torch.randn(2, 8, 4, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, classes, (2, 4, 6), generator=generator)
    means = torch.nn.functional.normalize(torch.randn(classes, 8, generator=generator, dtype=torch.float64), dim=1)
    view = z, means, torch.ones(classes, dtype=torch.bool), labels, torch.ones(2, 4, 6, dtype=torch.bool)
    drawn = torch.rand(48, generator=torch.Generator().manual_seed(2))
    value = intra_view_contrast(*view, TAU, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(value.item(), slow_intra(view, drawn.tolist()), rtol=1e-6, atol=1e-6)


def test_gradient_flows_through_the_pixels_that_count(view):
    embedding, means, exists, labels, valid = view
    embedding.requires_grad_()
    for loss in (prototype_contrast, intra_view_contrast):
        embedding.grad = None
        loss(embedding, means, exists, labels, valid, TAU).backward()
        assert embedding.grad.isfinite().all() and embedding.grad.abs().sum() > 0
        assert embedding.grad.permute(0, 2, 3, 1)[~valid].abs().sum() == 0


def test_a_batch_without_any_pixel_or_with_one_class_alone_is_a_connected_zero(view):
    embedding, means, exists, labels, valid = view
    embedding.requires_grad_()
    alone = torch.arange(5) == BG
    for seen, there, y in ((valid & False, exists, labels), (valid, alone, labels * 0), (valid, alone & False, labels)):
        for loss in (prototype_contrast, intra_view_contrast):
            value = loss(embedding, means * there[:, None], there, y, seen, TAU)
            value.backward()
            assert abs(value.item()) < 1e-6 and embedding.grad.isfinite().all()
