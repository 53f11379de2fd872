"""The memory bank's exact content after every push, its samples, its state, and two processes that share one."""
from collections import deque

import numpy as np
import pytest
import reference as ref
import torch
from torch import distributed, multiprocessing

from mmfbr.core import NROIBank

K, CAPACITY, CHANNELS = 3, 7, 2


def small_bank(**options):
    return NROIBank(**{'num_clusters': K, 'capacity': CAPACITY, 'channels': CHANNELS, **options})


def numbered(first, count):
    """Rows that say which one they are."""
    number = torch.arange(first, first + count, dtype=torch.float32)
    return torch.stack([number, -number], 1)


def numbers(bank):
    """The numbers in the bank, oldest first."""
    content, fill = bank.content, int(bank.fill)
    oldest_first = content.roll(-int(bank.pointer), 0) if fill == bank.capacity else content[:fill]
    assert torch.equal(oldest_first[:, 1], -oldest_first[:, 0])
    return oldest_first[:, 0].int().tolist()


@pytest.mark.parametrize('size', [0, 1, K, CAPACITY - 1, CAPACITY, CAPACITY + 1, 2 * CAPACITY + 3])
@pytest.mark.parametrize('already', range(CAPACITY + 2))
def test_ring_is_first_in_first_out(size, already):
    bank, expected, first = small_bank(), deque(maxlen=CAPACITY), 1
    for count in (already, size, 1, size, K, 0, size):
        bank.push(numbered(first, count))
        expected.extend(range(first, first + count))
        first += count
        assert numbers(bank) == list(expected)
        assert int(bank.fill) == len(expected)
        assert int(bank.pointer) == (first - 1) % CAPACITY


def test_only_kept_rows_are_pushed():
    g, bank, expected = torch.Generator().manual_seed(0), small_bank(), deque(maxlen=CAPACITY)
    for step in range(30):
        keep = torch.rand(step, generator=g) < 0.6
        bank.push(numbered(100 * step, step), keep)
        expected.extend((100 * step + keep.nonzero()[:, 0]).tolist())
        assert numbers(bank) == list(expected)


@pytest.mark.parametrize('size', [CAPACITY, CAPACITY + 1, 3 * CAPACITY])
def test_no_place_is_written_twice(monkeypatch, size):
    # A device is free to let either of two writes to one place win.
    written, write = [], torch.Tensor.index_copy_
    monkeypatch.setattr(torch.Tensor, 'index_copy_', lambda x, dim, index, rows: (
        written.extend(index.tolist()), write(x, dim, index, rows))[1])
    small_bank().push(numbered(1, size))
    assert sorted(i for i in written if i < CAPACITY) == list(range(CAPACITY))


def test_extracts_centroids_of_the_background(generator):
    z = torch.randn(3, 20, CHANNELS, generator=generator)
    background = torch.zeros(3, 20, dtype=torch.bool)
    background[0, ::2], background[1, 5:7] = True, True
    rows, exist = small_bank(num_clusters=1).extract(z, background, generator)
    assert exist[:, 0].tolist() == [True, True, False]
    np.testing.assert_allclose(rows[0], ref.kmeans(z[0, ::2].numpy(), [0]), atol=1e-6)  # one cluster: the mean
    rows, exist = small_bank().extract(z, background, generator)
    assert exist.sum(1).tolist() == [K, 2, 0]
    assert sorted(rows[1, :2].tolist()) == sorted(z[1, 5:7].tolist())


@pytest.mark.parametrize('pushed', [0, 1, 5, CAPACITY, 4 * CAPACITY + 2])
def test_samples_are_rows_still_inside(generator, pushed):
    bank = small_bank()
    bank.push(numbered(1, pushed))
    rows = bank.sample(500, generator)
    inside = range(max(1, pushed - CAPACITY + 1), pushed + 1)
    assert rows.shape == (500, CHANNELS) and not rows.requires_grad
    assert set(rows[:, 0].int().tolist()) == (set(inside) or {0})  # 500 draws meet each of at most 7
    assert torch.equal(rows[:, 1], -rows[:, 0])


def test_samples_follow_the_seed():
    bank = small_bank()
    bank.push(numbered(1, 5))
    one, same, other = (bank.sample(50, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize('warmup, ready_at', [(0, 1), (1, 1), (4, 4), (CAPACITY, CAPACITY)])
def test_ready_after_warmup(warmup, ready_at):
    bank = small_bank(warmup=warmup)
    for fill in range(CAPACITY):
        assert bool(bank.ready) == (fill >= ready_at)
        bank.push(numbered(fill, 1))
    assert bool(bank.ready)
    bank.clear()
    assert not bank.ready and numbers(bank) == [] and int(bank.pointer) == 0 and not bank.bits.any()


def test_state_travels_with_the_model():
    bank, other = small_bank(), small_bank()
    bank.push(numbered(1, 2 * CAPACITY + 3))
    other.load_state_dict(bank.state_dict())
    for b in (bank, other):
        b.push(numbered(90, 2))
    assert numbers(other) == numbers(bank) == [13, 14, 15, 16, 17, 90, 91]


def test_pushed_rows_may_have_any_precision_and_a_graph():
    bank = small_bank()
    bank.push(numbered(1, 2).to(torch.bfloat16).requires_grad_())
    bank.push(numbered(3, 2).double())
    assert numbers(bank) == [1, 2, 3, 4] and not bank.content.requires_grad


@pytest.mark.parametrize('cast', ['half', 'bfloat16', 'double'])
def test_a_cast_of_the_model_rounds_nothing(cast):
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), small_bank())
    rows = torch.randn(5, CHANNELS) * 1e6 + 1 / 3
    model[1].push(rows)
    getattr(model, cast)()
    assert model[0].weight.dtype != torch.float32
    assert torch.equal(model[1].content[:5], rows)
    model[1].push(rows[:1])
    assert torch.equal(model[1].content[5], rows[0])


@pytest.mark.parametrize('option, value, says', [
    ('num_clusters', 0, 'num_clusters must be an integer, at least 1; it is 0'),
    ('capacity', -1, 'capacity must be an integer, at least 1; it is -1'),
    ('channels', 1.5, 'channels must be an integer, at least 1; it is 1.5'),
    ('rounds', 0, 'rounds must be an integer, at least 1; it is 0'),
    ('warmup', CAPACITY + 1, f'warmup must be an integer, 0 to {CAPACITY}; it is {CAPACITY + 1}'),
    ('init', 'grid', "init must be 'random' or 'k-means\\+\\+'; it is 'grid'"),
])
def test_arguments_out_of_range_are_refused(option, value, says):
    with pytest.raises(ValueError, match=says):
        small_bank(**{option: value})


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r'NROIBank\(channels=2\) takes rows \(R, 2\), not \(4, 3\)'):
        small_bank().push(torch.zeros(4, 3))


# What each of two processes pushes: first number, rows, and which of them to keep.
PUSHES = [[(1, 3, None), (11, 2, [0, 1]), (21, 0, None), (31, 6, None)],
          [(101, 1, None), (111, 4, [1, 0, 1, 1]), (121, 0, None), (131, 5, [0, 0, 0, 0, 1])]]


def push_in_process(rank, folder):
    torch.set_num_threads(1)  # a forked process must not wait for its parent's threads
    distributed.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    shared, own = small_bank(), small_bank(gather=False)
    content = []
    for first, count, keep in PUSHES[rank]:
        keep = None if keep is None else torch.tensor(keep, dtype=torch.bool)
        shared.push(numbered(first, count), keep)
        own.push(numbered(first, count), keep)
        content.append(numbers(shared))
    torch.save([content, numbers(own), shared.state_dict()], f'{folder}/{rank}.pt')
    distributed.destroy_process_group()


def test_processes_push_into_equal_banks(tmp_path):
    multiprocessing.start_processes(push_in_process, (tmp_path,), nprocs=2, start_method='fork')
    (content, own, state), (content_1, own_1, state_1) = (torch.load(tmp_path / f'{rank}.pt') for rank in range(2))
    # By rank within a push, the oldest out.
    assert content == content_1 == [[1, 2, 3, 101], [2, 3, 101, 12, 111, 113, 114], [2, 3, 101, 12, 111, 113, 114],
                                    [31, 32, 33, 34, 35, 36, 135]]
    assert all(torch.equal(state[key], state_1[key]) for key in state)
    assert (own, own_1) == ([12, 31, 32, 33, 34, 35, 36], [101, 111, 113, 114, 135])
