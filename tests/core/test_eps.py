"""EPS's choice of channels and its loss against one pixel at a time."""
import numpy as np
import pytest
import torch
from reference import pixels, softmax

from mmfbr.core.eps import estimated_saliency, saliency_loss, salient_classes

BG = 0
PRESENT = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 1]]).bool()


def places(mask):
    """The (image, row, column) of the pixels that a tensor names."""
    return pixels(mask.numpy())


@pytest.fixture
def maps():
    return 4 * torch.randn(3, 4, 4, 6, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def saliency():
    return torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(6))


@pytest.fixture
def valid():
    valid = torch.ones(3, 4, 6, dtype=torch.bool)
    valid[2, 2:] = False
    return valid


def slow_choice(p, saliency, valid, tau):
    """{(image, class)}: at least one pixel above 0.5, and more than ``tau`` of these on the object."""
    chosen = set()
    for n, c in np.ndindex(p.shape[:2]):
        region = [at for at in places(valid) if at[0] == n and p[n, c, at[1], at[2]] > 0.5]
        salient = [at for at in region if saliency[at] > 0.5]
        if c != BG and PRESENT[n, c] and region and len(salient) / len(region) > tau:
            chosen.add((n, c))
    return chosen


@pytest.mark.parametrize('tau', [0.0, 0.4, 0.6, 1.0])
@pytest.mark.parametrize('lam', [0.5, 0.9])
def test_loss_and_choice(maps, saliency, valid, tau, lam):
    p = np.stack([[[softmax(maps[n, :, i, j].double().numpy()) for j in range(6)] for i in range(4)]
                  for n in range(3)]).transpose(0, 3, 1, 2)
    chosen = slow_choice(p, saliency, valid, tau)
    fast = salient_classes(maps.softmax(1), saliency, PRESENT, valid, BG, tau)
    assert {tuple(at) for at in fast.nonzero().tolist()} == chosen
    squares = []
    for n, i, j in places(valid):
        foreground = sum(p[n, c, i, j] for m, c in chosen if m == n)
        background = p[n, BG, i, j] + sum(p[n, c, i, j] for c in (1, 2, 3) if PRESENT[n, c] and (n, c) not in chosen)
        squares.append((lam * foreground + (1 - lam) * (1 - background) - saliency[n, i, j].item()) ** 2)
    torch.testing.assert_close(saliency_loss(maps, saliency, PRESENT, valid, BG, tau, lam).item(),
                               sum(squares) / len(squares), atol=1e-5, rtol=1e-5)
    if tau == 0.6:
        assert 0 < len(chosen) < 4  # some classes on either side


def test_a_class_off_the_object_is_pushed_to_the_background():
    """Railroad and train: what lies beside the object counts against the estimate, and the gradient lowers it there."""
    maps = torch.zeros(1, 3, 2, 4)
    maps[:, 1, :, :2], maps[:, 2, :, 2:] = 3, 3
    maps.requires_grad_()
    saliency = torch.zeros(1, 2, 4)
    saliency[..., :2] = 1
    present, valid = torch.ones(1, 3, dtype=torch.bool), torch.ones(1, 2, 4, dtype=torch.bool)
    assert salient_classes(maps.softmax(1), saliency, present, valid, BG, 0.4).tolist() == [[False, True, False]]
    saliency_loss(maps, saliency, present, valid, BG).backward()
    assert (maps.grad[:, 1, :, :2] < 0).all()  # the train grows on the object


def test_nothing_to_see_gives_a_connected_zero(maps, saliency, valid):
    maps.requires_grad_()
    loss = saliency_loss(maps, saliency, PRESENT, valid & False, BG)
    assert loss == 0
    loss.backward()
    assert maps.grad.abs().sum() == 0


def test_the_estimate_of_a_certain_map_is_its_foreground():
    p = torch.zeros(1, 3, 1, 2)
    p[0, 1, 0, 0] = p[0, 0, 0, 1] = 1
    chosen, present = torch.tensor([[False, True, False]]), torch.tensor([[True, True, False]])
    assert estimated_saliency(p, chosen, present, BG, 0.7).tolist() == [[[1, 0]]]
