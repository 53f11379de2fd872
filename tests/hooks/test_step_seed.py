"""`StepSeedHook`: numbers depend on seed, process and iteration, and on nothing that was drawn before."""
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.registry import HOOKS

from mmfbr.hooks import StepSeedHook, step_seed


@pytest.fixture(autouse=True)
def _streams_as_before():
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        yield
    random.setstate(states[0])
    np.random.set_state(states[1])


def drawn(seed=0, iteration=0):
    StepSeedHook().before_train_iter(SimpleNamespace(seed=seed, iter=iteration), batch_idx=iteration)
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_step_draws_the_same_whatever_was_drawn_before():
    first = drawn(iteration=5)
    torch.rand(17), np.random.rand(3), random.random()
    assert drawn(iteration=5) == first


def test_seed_iteration_and_process_each_matter(monkeypatch):
    draws = [drawn(), drawn(seed=1), drawn(iteration=1)]
    monkeypatch.setattr(step_seed, 'get_rank', lambda: 1)
    draws.append(drawn())
    for stream in zip(*draws, strict=True):
        assert len(set(stream)) == len(draws)


def test_first_batch_of_an_epoch_draws_the_same_and_not_what_its_step_draws():
    drawn = []
    for _ in range(2):
        StepSeedHook().before_train_epoch(SimpleNamespace(seed=0, iter=5))
        drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))
    assert drawn[0] == drawn[1]
    StepSeedHook().before_train_iter(SimpleNamespace(seed=0, iter=5), batch_idx=0)
    assert not {*drawn[0]} & {random.random(), np.random.rand(), torch.rand(()).item()}


def test_what_fbr_derives_its_stream_from_is_repeated_too():
    drawn(iteration=5)
    seed = torch.initial_seed()
    drawn(iteration=6)
    assert torch.initial_seed() != seed
    drawn(iteration=5)
    assert torch.initial_seed() == seed


class Skipping:
    """onedl-mmengine's iterator over batches: a resume has it skip the batches without loading them."""

    def __init__(self):
        self.loaded = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.loaded += 1
        return self.loaded

    def skip_iter(self, steps):
        raise AssertionError('The workers would start anew.')


@pytest.mark.parametrize('loop', [{}, dict(dataloader_iterator=iter([1])), dict(dataloader_iterator=Skipping())])
def test_resumed_run_loads_what_it_has_trained_on(loop):
    StepSeedHook().before_train(SimpleNamespace(train_loop=SimpleNamespace(**loop)))
    iterator = loop.get('dataloader_iterator')
    if isinstance(iterator, Skipping):
        iterator.skip_iter(5)
        assert next(iterator) == 6


def test_it_is_named_in_configs_and_runs_first():
    hook = HOOKS.build(dict(type='StepSeedHook'))
    assert isinstance(hook, StepSeedHook)
    assert hook.priority == 'VERY_HIGH'
