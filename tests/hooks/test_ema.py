"""mmengine's `EMAHook` beside FBR's bank, with and without averaged buffers: what is saved, resumed and validated."""
import copy

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import MessageHub
from tiny_models import batch, fbr_of, segmentor

BOTH = pytest.mark.parametrize('update_buffers', [False, True])


@pytest.fixture(autouse=True)
def fresh_hub(request):
    MessageHub.get_instance(request.node.nodeid)


class Run:
    """The calls that mmengine's runner makes to a model and an ``EMAHook``; a validation after each step."""

    def __init__(self, update_buffers, checkpoint=None):
        self.model, self.iter, self._resume = segmentor(), 0, checkpoint is not None
        self.hook = EMAHook(momentum=0.3, begin_iter=1, update_buffers=update_buffers)
        self.hook.before_run(self)
        if checkpoint is not None:
            self.hook.after_load_checkpoint(self, checkpoint)
            self.model.load_state_dict(checkpoint['state_dict'])
            self.iter = checkpoint['iter']

    def steps(self, until):
        optimizer = torch.optim.SGD(self.model.parameters(), 0.1)
        while self.iter < until:
            torch.manual_seed(self.iter)  # as StepSeedHook
            optimizer.zero_grad()
            sum(v for k, v in self.model.loss(*batch(seed=self.iter)).items() if 'loss' in k).backward()
            optimizer.step()
            self.hook.after_train_iter(self, 0)
            self.iter += 1
            trained = self.bank()
            self.hook.before_val_epoch(self)
            self.hook.after_val_epoch(self)
            assert all(one.equal(other) for one, other in zip(self.bank(), trained, strict=True))
        return self

    def bank(self):
        loss = fbr_of(self.model)
        return [value.clone() for value in (loss.nroi.bits[:-1], loss.nroi.pointer, loss.nroi.fill, loss.steps)]

    def checkpoint(self):
        saved = dict(state_dict=self.model.state_dict(), iter=self.iter)
        self.hook.before_save_checkpoint(self, saved)
        return copy.deepcopy(saved)


def states(checkpoint):
    return {**checkpoint['state_dict'], **checkpoint['ema_state_dict']}


@BOTH
def test_resumed_run_ends_with_the_same_bits(update_buffers):
    stopped = Run(update_buffers).steps(2).checkpoint()
    whole, resumed = (states(run.steps(4).checkpoint()) for run in (Run(update_buffers), Run(update_buffers, stopped)))
    assert whole.keys() == resumed.keys()
    different = [key for key in whole if not whole[key].equal(resumed[key])]
    assert not [key for key in different if not key.endswith('nroi.bits')]
    assert all(whole[key][:-1].equal(resumed[key][:-1]) for key in different)  # the last row holds nothing


@BOTH
def test_average_holds_the_bank_of_the_training_or_of_its_own_first_step(update_buffers):
    run = Run(update_buffers).steps(1)
    first = run.bank()
    run.steps(4)
    expected = first if update_buffers else run.bank()
    averaged = fbr_of(run.hook.ema_model.module)
    found = averaged.nroi.bits[:-1], averaged.nroi.pointer, averaged.nroi.fill, averaged.steps
    assert all(one.equal(other) for one, other in zip(found, expected, strict=True))
    assert not first[0].equal(run.bank()[0])
