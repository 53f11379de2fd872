"""The straightforward implementation is FBR: given the samples of the fast one, values and gradients are the same."""
import sys

import pytest
import torch

from mmfbr.benchmark.straightforward import Draws, straightforward
from mmfbr.core import segmentation_view
from mmfbr.models import FBRLoss, FBRNeck

CLASSES, BG, CAPACITY, COUNT, CLUSTERS = 5, 2, 40, 12, 3


class Recorded(Draws):
    """What the fast path drew."""

    def __init__(self, loss, monkeypatch):
        self.loss, self.mask = loss, None
        fast = sys.modules['mmfbr.core.kmeans']
        for name, owner, attribute in (('starts', fast, '_random_start'), ('plan', loss.sampler, 'plan'),
                                       ('nroi', loss.nroi, 'sample')):
            monkeypatch.setattr(owner, attribute, self.kept(name, getattr(owner, attribute)))

    def kept(self, name, function):
        def call(*args):
            setattr(self, name, function(*args))
            self.mask = args[1] if name == 'starts' else self.mask
            return getattr(self, name)
        return call

    def start(self, image, count, clusters):
        return self.mask[image].cumsum(0)[self.starts[image]] - 1

    def foreground(self, query_class, graph, pixels_of, count):
        return self.plan.negatives[self.plan.groups == query_class][0]

    def background(self, bank, count):
        assert (bank - self.nroi[:, None]).abs().amax(2).amin(1).max() < 1e-5
        return self.nroi


def steps(monkeypatch, label):
    """Terms, gradients and bank of both implementations for three steps on images with labels ``label`` (N, h, w)."""
    g = torch.Generator().manual_seed(0)
    neck = FBRNeck(in_channels=6, channels=8).train()
    neck.phi_seg.dropout = 0.0
    loss = FBRLoss(nroi=dict(num_clusters=CLUSTERS, capacity=CAPACITY, channels=8), bg_index=BG,
                   sampler=dict(num_negatives=COUNT, rate=0.6, quantile=0.1)).bind(neck).train()
    draws, bank = Recorded(loss, monkeypatch), torch.zeros(0, 8)
    for _ in range(3):
        feature = torch.randn(len(label), 6, 7, 5, generator=g).requires_grad_()
        logits = 2 * torch.randn(len(label), CLASSES, *label.shape[1:], generator=g)
        neck((feature,))
        parts, _ = loss._terms(neck, segmentation_view(logits, label, (7, 5), BG))
        expected, bank = straightforward(feature, logits, label, neck, bank, draws, capacity=CAPACITY,
                                         clusters=CLUSTERS, count=COUNT, bg_index=BG, rate=0.6, quantile=0.1)
        leaves = [feature, *neck.parameters()]
        gradients = [torch.autograd.grad(sum(values.values()), leaves, allow_unused=True, materialize_grads=True)
                     for values in (parts, expected)]
        yield parts, expected, gradients, loss, bank


@pytest.mark.parametrize('palette', [[0, 1, 2, 3, 4, 255], [2, 3], [2], [0, 255], [255], [1, 2, 2, 2]])
def test_same_samples_same_values(monkeypatch, palette):
    label = torch.tensor(palette)[torch.randint(len(palette), (3, 14, 9), generator=torch.Generator().manual_seed(1))]
    for parts, expected, (found, same), loss, bank in steps(monkeypatch, label):
        assert set(parts) == set(expected) == {'fb', 'if', 'decouple', 'bg_seg'}
        for name in parts:
            assert parts[name].item() == pytest.approx(expected[name].item(), abs=1e-5), name
        for a, b in zip(found, same, strict=True):
            assert torch.allclose(a, b, atol=1e-5)
        ring = loss.nroi
        oldest_first = ring.content.roll(-int(ring.pointer), 0)[-int(ring.fill):] if int(ring.fill) else bank
        assert sorted(oldest_first.sum(1).tolist()) == pytest.approx(sorted(bank.sum(1).tolist()), abs=1e-4)


def test_own_draws_come_from_where_they_should():
    torch.manual_seed(0)
    draws, pixels_of = Draws(), {1: torch.arange(10, 15), 3: torch.arange(30, 33)}
    drawn = draws.foreground(2, {1: torch.tensor(0.9), 3: torch.tensor(0.1)}, pixels_of, 2000)
    assert set(drawn.tolist()) == {*range(10, 15), *range(30, 33)}
    assert (drawn < 20).float().mean().item() == pytest.approx(0.9, abs=0.03)
    assert len(set(draws.start(0, 20, 8).tolist())) == 8
    bank = torch.arange(6.)[:, None]
    assert set(draws.background(bank, 200).flatten().tolist()) == set(bank.flatten().tolist())
