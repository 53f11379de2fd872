"""AMN's loss against one pixel at a time."""
import math

import pytest
import torch

from mmfbr.core.amn import balanced_cross_entropy

C, BG = 4, 1


def slow_loss(logits, labels, smoothing):
    halves = {True: [], False: []}
    for n, i, j in torch.cartesian_prod(*map(torch.arange, labels.shape)).tolist():
        label = int(labels[n, i, j])
        if label == 255:
            continue
        x = logits[n, :, i, j].tolist()
        log_sum = math.log(sum(math.exp(v) for v in x))
        target = [1 - smoothing if c == label else smoothing / (C - 1) for c in range(C)]
        halves[label == BG].append(-sum(t * (v - log_sum) for t, v in zip(target, x, strict=True)))
    return sum(sum(half) / len(half) for half in halves.values() if half) / 2


@pytest.mark.parametrize('smoothing', [0.0, 0.4])
@pytest.mark.parametrize('kinds', [(0, 1, 2, 3, 255), (1, 255), (0, 3)])
def test_background_and_foreground_count_half_each(smoothing, kinds):
    generator = torch.Generator().manual_seed(len(kinds))
    logits = torch.randn(2, C, 3, 5, generator=generator)
    labels = torch.tensor(kinds)[torch.randint(0, len(kinds), (2, 3, 5), generator=generator)]
    value = balanced_cross_entropy(logits, labels, BG, smoothing=smoothing)
    torch.testing.assert_close(value.item(), slow_loss(logits, labels, smoothing), rtol=1e-5, atol=1e-6)


def test_nothing_sure_is_a_connected_zero():
    logits = torch.randn(1, C, 2, 2).requires_grad_()
    loss = balanced_cross_entropy(logits, torch.full((1, 2, 2), 255))
    loss.backward()
    assert loss == 0 and not logits.grad.any()


def test_smoothing_sets_the_gap_between_the_two_levels():
    """The best logits are those of the smoothed label: no pixel gains by running ahead."""
    logits = torch.zeros(1, C, 1, 1, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=1.0)
    for _ in range(200):
        optimizer.zero_grad()
        balanced_cross_entropy(logits, torch.full((1, 1, 1), 2), BG, smoothing=0.4).backward()
        optimizer.step()
    torch.testing.assert_close(logits.softmax(1).flatten(), torch.tensor([0.4 / 3, 0.4 / 3, 0.6, 0.4 / 3]),
                               atol=1e-3, rtol=0)
