"""FBR's own random numbers: fixed by their key, and the host's stream stays where it was."""
import pytest
import torch

from mmfbr.core import sync
from mmfbr.core.stream import derived_generator, derived_seed, isolated


def test_seed_depends_on_every_part_of_the_key():
    keys = [(), ('a',), ('b',), ('a', 0), ('a', 1), (0, 'a'), ('a', 0, 0), ('a0',)]
    seeds = [derived_seed(*key) for key in keys]
    assert len(set(seeds)) == len(keys) and all(0 <= seed < 2**63 for seed in seeds)
    assert seeds == [derived_seed(*key) for key in keys]
    assert derived_seed('FBRLoss', 0, 0, 1) == 8327124049195185953  # a resumed run needs the same number anywhere


def test_generators_of_a_key_draw_alike():
    one, same, other = (torch.rand(5, generator=derived_generator('cpu', 'x', step)) for step in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_isolated_leaves_the_hosts_stream_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with isolated('x'):
        inside = torch.rand(4)
    assert torch.equal(torch.rand(4), expected)
    with pytest.raises(RuntimeError), isolated('x'):
        assert torch.equal(torch.rand(4), inside)
        raise RuntimeError
    assert not torch.equal(inside, expected)


def test_reading_is_free_on_the_cpu_only():
    assert sync.is_free(torch.zeros(1)) and not sync.is_free(torch.zeros(1, device='meta'))
