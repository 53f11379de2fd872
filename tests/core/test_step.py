"""A whole step on the core's pieces: always finite, the same losses either way, gradient only where it belongs."""
import numpy as np
import pytest
import reference as ref
import torch
from batches import first, random_batch, rows_of, terms, view_of
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfbr.core import ActiveSampler, NROIBank, cam_view, segmentation_view, sync

TAU = 0.5


@st.composite
def batches(draw):
    """Embeddings with a graph, a view of either host, the background's index; labels from any few classes and 255."""
    n, h, w, d = (draw(st.integers(1, most)) for most in (3, 6, 6, 5))
    classes, g = draw(st.integers(2, 5)), torch.Generator().manual_seed(draw(st.integers(0, 999)))
    logits = draw(st.sampled_from([0, 1, 30])) * torch.randn(n, classes, h, w, generator=g)
    scale = draw(st.sampled_from([0, 1e-15, 1, 1e4]))
    z_fg, z_bg = ((scale * torch.randn(n, h, w, d, generator=g)).requires_grad_() for _ in range(2))
    logit = torch.randn(n, h, w, generator=g, requires_grad=True)
    palette = draw(st.lists(st.sampled_from([*range(classes), 255]), min_size=1, max_size=4))
    label = torch.tensor(palette)[torch.randint(len(palette), (n, h, w), generator=g)]
    if draw(st.booleans()):
        bg_index = draw(st.integers(0, classes - 1))
        view = cam_view(logits, torch.rand(n, classes, generator=g) < 0.5, label != 255, bg_index)
    else:
        bg_index = draw(st.one_of(st.none(), st.integers(0, classes - 1)))
        view = segmentation_view(logits, label, (h, w), bg_index)
    return z_fg, z_bg, logit, view, bg_index


@pytest.mark.parametrize('free', [True, False])
@settings(max_examples=60, deadline=None)
@given(batch=batches(), cap=st.integers(1, 40), init=st.sampled_from(['random', 'k-means++']))
def test_any_batch_gives_finite_losses_and_gradients(free, batch, cap, init):
    z_fg, z_bg, logit, view, bg_index = batch
    bank = NROIBank(num_clusters=3, capacity=10, channels=z_fg.shape[-1], init=init)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, 'is_free', lambda tensor: free)
        found = terms(z_fg.relu(), z_bg.relu(), logit, view, bank, ActiveSampler(7, cap), bg_index,
                      torch.Generator().manual_seed(0))
        sum(found.values()).backward()
    assert all(value.isfinite() and value >= 0 for value in found.values()), found
    assert all(leaf.grad is None or leaf.grad.isfinite().all() for leaf in (z_fg, z_bg, logit))
    assert bank.content.isfinite().all() and int(bank.fill) <= 10


def certain_batch():
    """Embeddings with a graph and a view, such that no draw matters: the pixels of a class have one embedding."""
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(1, 3, (2, 6, 6), generator=g)
    labels[:, 0, :3] = torch.tensor([0, 0, 255])
    of_class = torch.randn(3, 8, generator=g, dtype=torch.float64).relu()
    z_fg = of_class[labels.clamp(max=2)]
    z_bg = of_class[0].expand(2, 6, 6, 8).clone()
    scores = torch.randn(2, 3, 6, 6, generator=g, dtype=torch.float64).softmax(1)
    return z_fg.requires_grad_(), z_bg.requires_grad_(), view_of(scores, labels, labels != 255)


def certain_terms():
    z_fg, z_bg, view = certain_batch()
    logit = (z_bg * torch.arange(8)).sum(-1) - 1
    bank = NROIBank(num_clusters=8, capacity=10, channels=8)
    found = terms(z_fg, z_bg, logit, view, bank, ActiveSampler(16), 0, torch.Generator().manual_seed(0))
    sum(found.values()).backward()
    return found, z_fg.grad, z_bg.grad


def test_sizes_counted_or_bounded_the_losses_are_the_same(request):
    counted = certain_terms()
    request.getfixturevalue('bounded')
    bounded = certain_terms()
    for name, value in counted[0].items():
        assert value.item() == pytest.approx(bounded[0][name].item(), abs=1e-12), name
    assert torch.allclose(counted[1], bounded[1], atol=1e-12) and torch.allclose(counted[2], bounded[2], atol=1e-12)


def test_a_step_is_the_reference(either_way):
    found, grad_fg, _ = certain_terms()
    z_fg, z_bg, view = certain_batch()
    s, y, valid = view.scores.numpy(), view.labels.numpy(), view.valid.numpy()
    unsure = ref.queries(s, s, y, valid, 0, view.rate, view.quantile)
    p = ref.prototypes(first(z_fg), s, y, valid, 0, 32)
    nroi = np.array([z_bg[at].detach().numpy() for at in ref.pixels(valid & (y == 0))])
    against = {c: np.array([z_fg[at].detach().numpy() for at in ref.pixels(valid & (y == 3 - c))][:1]) for c in p}
    for name, negatives in (('fb', dict.fromkeys(p, nroi[:1])), ('if', against)):
        expected = ref.mean_over_classes({
            c: [ref.contrast(z_fg[at].detach().numpy(), p[c], np.repeat(negatives[c], 16, 0), TAU)
                for at in ref.pixels(unsure & (y == c))] for c in p})
        assert found[name].item() == pytest.approx(expected, abs=1e-6), name  # the bank holds float32
    assert found['decouple'].item() == pytest.approx(ref.decoupling(first(z_fg), first(z_bg), valid), abs=1e-12)
    assert unsure.any() and grad_fg[torch.as_tensor(unsure)].any()


def test_gradient_flows_through_queries_alone(either_way):
    z_fg, z_bg, view = random_batch(rate=0.6, quantile=0.1)
    z_fg, z_bg = z_fg.requires_grad_(), z_bg.requires_grad_()
    sampler, bank, g = ActiveSampler(64), NROIBank(num_clusters=3, capacity=50, channels=8), torch.Generator()
    found = terms(z_fg, z_bg, torch.zeros(view.valid.shape), view, bank, sampler, 0, g.manual_seed(0))
    (found['fb'] + found['if']).backward()
    plan = sampler.plan(rows_of(z_fg), view, 0, TAU, g)
    queried = torch.zeros(view.valid.numel(), dtype=torch.bool)
    queried[plan.queries[plan.keep]] = True
    moved = z_fg.grad.flatten(0, 2).any(1)
    assert torch.equal(moved, queried & z_fg.detach().flatten(0, 2).any(1)) and moved.any()
    assert z_bg.grad is None and not bank.content.requires_grad
