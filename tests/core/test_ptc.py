"""Patch token contrast against one pair of tokens at a time."""
import itertools

import numpy as np
import pytest
import torch
from reference import cam_scores, cosine

from mmfbr.core.ptc import UNSURE, token_contrast, token_labels

BG = 1
PRESENT = torch.tensor([[1, 1, 1, 0], [0, 1, 0, 1]]).bool()


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(7)


@pytest.fixture
def valid():
    valid = torch.ones(2, 4, 5, dtype=torch.bool)
    valid[1, :, 3:] = False
    return valid


def slow_labels(maps, valid, low, high):
    scores = cam_scores(maps.double().numpy(), PRESENT.numpy(), valid.numpy(), BG, 0)
    out = np.full(valid.shape, UNSURE)
    for n, i, j in np.argwhere(valid.numpy()):
        best = max((c for c in range(4) if c != BG), key=lambda c: scores[n, c, i, j])  # noqa: B023
        if scores[n, best, i, j] > high:
            out[n, i, j] = best
        elif scores[n, best, i, j] <= low:
            out[n, i, j] = BG
    return out


def slow_contrast(feature, labels):
    alike, apart = [], []
    for f, y in zip(feature.flatten(2).numpy(), labels.flatten(1).numpy(), strict=True):
        for a, b in itertools.permutations(range(len(y)), 2):
            if y[a] != UNSURE and y[b] != UNSURE:
                similarity = abs(cosine(f[:, a], f[:, b]))
                (alike if y[a] == y[b] else apart).append(1 - similarity if y[a] == y[b] else similarity)
    return sum(sum(values) / len(values) for values in (alike, apart) if values) / 2


@pytest.mark.parametrize('low, high', [(0.25, 0.7), (0.5, 0.5), (0.0, 1.0)])
def test_labels_by_two_thresholds(low, high, valid, generator):
    maps = torch.randn(2, 4, 4, 5, generator=generator)
    labels = token_labels(maps, PRESENT, valid, BG, low, high)
    np.testing.assert_array_equal(labels, slow_labels(maps, valid, low, high))
    absent = (labels[0] == 3) | (labels[1] == 0) | (labels[1] == 2)
    assert not absent.any() and (labels[~valid] == UNSURE).all() and (labels == BG).any()
    assert ((labels == UNSURE) & valid).any() == (low < high)


def test_a_map_that_is_nowhere_positive_says_background(valid):
    assert (token_labels(-torch.ones(2, 4, 4, 5), PRESENT, valid, BG, 0.25, 0.7)[valid] == BG).all()


@pytest.mark.parametrize('kinds', [(UNSURE, 0, 1, 2), (0, 1), (UNSURE, 3)])
def test_contrast_is_over_the_pairs_of_an_image(kinds, generator):
    feature = torch.randn(2, 6, 3, 4, generator=generator, dtype=torch.float64)
    labels = torch.tensor(kinds)[torch.randint(0, len(kinds), (2, 3, 4), generator=generator)]
    torch.testing.assert_close(token_contrast(feature, labels).item(), slow_contrast(feature, labels))


def test_gradient_reaches_the_sure_tokens_alone(generator):
    feature = torch.randn(2, 6, 3, 4, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.randint(UNSURE, 3, (2, 3, 4), generator=generator)
    labels[1] = UNSURE
    token_contrast(feature, labels).backward()
    touched = feature.grad.abs().sum(1) > 0
    assert torch.equal(touched, labels != UNSURE) and touched.any()


@pytest.mark.parametrize('sure', [0, 1])
def test_without_pairs_it_is_a_connected_zero(sure):
    feature = torch.zeros(1, 6, 2, 2, requires_grad=True)
    labels = torch.full((1, 2, 2), UNSURE)
    labels.view(-1)[:sure] = 1
    loss = token_contrast(feature, labels)
    loss.backward()
    assert loss == 0 and not feature.grad.any()


def test_tokens_that_follow_their_labels_cost_nothing():
    labels = torch.tensor([[[0, 0, 2], [UNSURE, 1, 1]]])
    feature = torch.eye(4)[labels].permute(0, 3, 1, 2)  # one direction a label
    assert token_contrast(feature, labels) == 0
    assert token_contrast(-feature * labels.ne(0)[:, None] + 3 * feature * labels.eq(0)[:, None], labels) == 0
    assert token_contrast(torch.ones(1, 4, 2, 3), labels) == 0.5  # all alike: what the contrast is against
