"""Gradients of the losses as `FBRLoss` puts them together, in float64, against differences; sampled pixels stay."""
import pytest
import torch
from pairs import CHANNELS, TERMS
from torch import nn
from torch.autograd import gradcheck

from mmfbr.core import PixelView, SamplingPlan
from mmfbr.core.embed import Embeddings
from mmfbr.models import FBRLoss
from mmfbr.models.projections import BackgroundHead

CLASSES, SIZE, QUERIES = 4, (2, 3, 4), 7


def randn(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Given(nn.Module):
    """A neck whose embeddings are what a test says they are."""
    is_read = evaluated = False
    feature = torch.zeros(())
    channels, step = CHANNELS, 0

    def free_name(self, name):
        return name

    def embedder(self, sample):
        return self

    def rows(self, index):
        raise NotImplementedError('the plan is given')

    def embed(self, queries):
        return self.embeddings

    def phi_seg(self, x, valid, generator):
        return self.logit

    def connected_zero(self):
        return torch.zeros((), dtype=torch.float64)


@pytest.fixture
def loss_of(monkeypatch):
    """The value of an ``FBRLoss`` for rows of queries, Z_bg and background logits; all else is fixed, as its graph has
    it: prototypes, negatives and NROIs carry no gradient, so what they are made of must not move with the rows."""
    def make(**weights):
        neck, weights = Given(), {**dict.fromkeys(TERMS, 0.), **weights}
        loss = FBRLoss(nroi=dict(channels=CHANNELS, capacity=9), **weights).bind(neck).eval()
        loss.nroi.push(torch.ones(1, CHANNELS))
        loss._steps = 1  # beyond the warm-up
        pixels = SIZE[0] * SIZE[1] * SIZE[2]
        rest = randn(pixels - QUERIES, CHANNELS, seed=2).relu()
        negatives = torch.arange(3 * 5).view(3, 5) % len(rest)
        plan = SamplingPlan(torch.arange(QUERIES), torch.tensor([1, 1, 1, 2, 2, 3, 3]), torch.arange(QUERIES) != 4,
                            randn(CLASSES, CHANNELS, seed=0), torch.tensor([1, 2, 3]), QUERIES + negatives,
                            rest[negatives], torch.tensor([True, True, False]), torch.tensor(QUERIES))
        monkeypatch.setattr(loss.sampler, 'plan', lambda *args: plan)
        monkeypatch.setattr(loss.nroi, 'sample', lambda *args: randn(6, CHANNELS, seed=1))
        labels = torch.arange(pixels).view(SIZE) % CLASSES
        scores = torch.zeros(SIZE[0], CLASSES, *SIZE[1:])
        view = PixelView(scores, scores, labels, labels != 3, labels == 0, 0.4, 0.25, 32)

        def value(query, z_bg, logit):
            neck.step += 1
            z_fg, z_bg = (z.view(SIZE[0], -1, CHANNELS) for z in (torch.cat([query, rest]), z_bg))
            neck.embeddings, neck.logit = Embeddings(z_fg, z_bg, z_bg, query), logit.flatten(1)
            return loss.contrast(lambda: view)
        return value
    return make


@pytest.mark.parametrize('weights', [{term: 1.0} for term in TERMS] + [dict(w_if=0.1, w_fb=0.05, w_decouple=0.1,
                                                                            w_bg_seg=0.1, loss_weight=3.0)], ids=str)
def test_losses(loss_of, weights):
    inputs = [randn(*shape, seed=seed).abs().requires_grad_() for seed, shape in
              enumerate([(QUERIES, CHANNELS), (*SIZE, CHANNELS), SIZE], 3)]
    value = loss_of(**weights)
    assert value(*inputs) > 0
    assert gradcheck(value, inputs)


def test_the_total_is_the_weighted_sum_of_the_terms(loss_of):
    inputs = [randn(*shape, seed=seed).abs() for seed, shape in
              enumerate([(QUERIES, CHANNELS), (*SIZE, CHANNELS), SIZE], 3)]
    weights = dict(w_if=0.3, w_fb=0.05, w_decouple=0.7, w_bg_seg=0.2)
    parts = sum(weight * loss_of(**{name: 1.0})(*inputs) for name, weight in weights.items())
    assert loss_of(**weights, loss_weight=2.0)(*inputs).item() == pytest.approx(2 * parts.item(), abs=1e-12)


@pytest.mark.parametrize('training', [True, False])
def test_background_head_with_its_dropout(training):
    head = BackgroundHead(CHANNELS).double().train(training)
    valid = torch.arange(24).view(SIZE) % 5 != 0
    names, values = zip(*head.named_parameters(), strict=True)

    def logits(x, *parameters):
        generator = torch.Generator().manual_seed(0)
        return torch.func.functional_call(head, dict(zip(names, parameters, strict=True)), (x, valid, generator))
    x = randn(*SIZE, CHANNELS, seed=0).requires_grad_()
    assert gradcheck(logits, (x, *(value.detach().clone().requires_grad_() for value in values)))
