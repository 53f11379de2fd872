"""One test for each line of the method's table "Where the released code is not the method" that concerns the core."""
import sys
from collections import Counter

import pytest
import torch
from batches import random_batch, terms, view_of
from torch.utils._python_dispatch import TorchDispatchMode

from mmfbr.core import ActiveSampler, NROIBank, contrast
from mmfbr.core.contrast import grouped_contrast


def step(z_fg, z_bg, view, bg_index=0, bank=None, **sampler):
    bank = bank or NROIBank(num_clusters=4, capacity=100, channels=z_fg.shape[-1])
    logit = z_bg.sum(-1)
    return terms(z_fg, z_bg, logit, view, bank, ActiveSampler(**{'num_negatives': 16, **sampler}), bg_index,
                 torch.Generator().manual_seed(0))


# Line 1: the query features of L_fb and L_if are detached.
@pytest.mark.parametrize('term', ['fb', 'if'])
def test_queries_are_not_detached(either_way, term):
    z_fg, z_bg, view = random_batch(rate=0.6, quantile=0.1)
    step(z_fg.requires_grad_(), z_bg, view)[term].backward()
    assert z_fg.grad.abs().sum() > 0


# Line 2: cosine over the wrong axis, logits (Q, D) instead of (Q, 1 + M), positive first.
def test_logits_are_queries_by_one_and_negatives(monkeypatch):
    seen = []

    def info_nce(positive, negative, *settings):
        seen.append((positive, negative))
        return original(positive, negative, *settings)

    module = sys.modules['mmfbr.core.contrast']  # the package's `contrast` is the function
    original = module.info_nce
    monkeypatch.setattr(module, 'info_nce', info_nce)
    g = torch.Generator().manual_seed(0)
    q, p, n = (torch.randn(shape, generator=g) for shape in ((5, 8), (5, 8), (2, 11, 8)))
    contrast(q, p, n[0], 0.5)
    grouped_contrast(q, p, torch.tensor([0, 0, 1, 1, 1]), n, 0.5)
    owner = torch.tensor([0, 0, 1, 1, 1])
    for (positive, negative), against in zip(seen, (n[0].expand(5, -1, -1), n[owner]), strict=True):
        torch.testing.assert_close(positive, torch.cosine_similarity(q, p))
        torch.testing.assert_close(negative, torch.cosine_similarity(q[:, None], against, 2))


class Operations(TorchDispatchMode):
    """Counts what torch is asked to do."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count[func.overloadpacket._qualified_op_name] += 1
        return func(*args, **(kwargs or {}))


def operations(classes, side):
    z_fg, z_bg, view = random_batch(classes=classes, size=(side, side), dtype=torch.float32)
    with Operations() as counted:
        step(z_fg.requires_grad_(), z_bg, view)
    return counted.count


# Line 3: one random draw per query and class in a Python loop, the bank copied to the device per class.
def test_work_does_not_grow_in_python_and_the_host_never_waits(bounded):
    few, many = operations(3, 6), operations(20, 24)
    assert few == many
    waits = {'aten::_local_scalar_dense', 'aten::nonzero', 'aten::_unique2', 'aten::masked_select', 'aten::equal',
             'aten::is_nonzero', 'aten::item'}
    assert not waits & set(many)


# Line 4: the bank is a plain CPU attribute. (Two processes that share one: test_nroi.py.)
def test_bank_is_saved_and_moved_with_the_model():
    bank = NROIBank(capacity=5, channels=3)
    assert set(bank.state_dict()) == {'bits', 'pointer', 'fill'} == {name for name, _ in bank.named_buffers()}
    assert all(buffer.is_meta for buffer in bank.to('meta').buffers()) and not list(bank.parameters())


# Line 5: one class, no query, no background, an empty score list end in a crash or a division by zero.
@pytest.mark.parametrize('labels', [
    [[[1, 1], [1, 0]]],          # one class
    [[[1, 2], [2, 1]]],          # no background
    [[[0, 0], [0, 0]]],          # no query
    [[[255, 255], [255, 255]]],  # nothing at all
])
@pytest.mark.parametrize('top', [0.9, 0.01])  # 0.01: no own score above the floor, the list of ranks is empty
def test_where_there_is_nothing_to_contrast_a_zero_is_connected(either_way, labels, top):
    labels = torch.tensor(labels)
    z_fg, z_bg = (z.requires_grad_() for z in torch.rand(2, 1, 2, 2, 4, generator=torch.Generator().manual_seed(0)))
    scores = torch.full((1, 3, 2, 2), top)
    found = step(z_fg, z_bg, view_of(scores, labels, labels != 255))
    assert found['fb'] == found['if'] == 0
    sum(found.values()).backward()
    assert z_fg.grad.isfinite().all() and z_bg.grad.isfinite().all()


# Line 6: 20 or 21 classes and the background's index are written in.
@pytest.mark.parametrize('classes, bg_index', [(2, 0), (2, 1), (3, 1), (21, 0), (21, 20), (81, 80), (150, None)])
def test_any_number_of_classes_and_any_background(either_way, classes, bg_index):
    z_fg, z_bg, view = random_batch(classes=classes, size=(12, 12), rate=0.6, quantile=0.1, bg_index=bg_index)
    found = step(z_fg.requires_grad_(), z_bg, view, bg_index)
    assert found['if'] > 0 or classes == 2
    assert (found['fb'] > 0) == (bg_index is not None)
