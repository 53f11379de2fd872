"""What processes push into their banks, one of them late, and what must be in every bank afterwards."""
import time
from collections import deque

import torch
from process_group import scenario

from mmfbr.core import NROIBank

CAPACITY, STEPS = 23, 24


def pushes(world):
    """For each step the (first number, which of the following rows to keep) of each process."""
    generator, first, steps = torch.Generator().manual_seed(world), 1, []
    for step in range(STEPS):
        own = []
        for rank in range(world):
            rows = int(torch.randint(0, 9, (), generator=generator))
            keep = torch.rand(rows, generator=generator) < 0.7
            if step % 6 == 1 or (step % 6 == 2 and rank == step % world):
                rows, keep = 0, keep[:0]  # no rows in any process; in one
            if step % 6 == 3 or (step % 6 == 4 and rank == step % world):
                keep[:] = False  # rows, and none of them exists: in all processes; in one
            own.append((first, keep))
            first += rows
        steps.append(own)
    return steps


@scenario(2, 4)
def bank(rank, world):
    """The numbers in the bank after each step, oldest first, with no process late, the first, the last."""
    expected, ring = [], deque(maxlen=CAPACITY)
    for step in pushes(world):
        for first, keep in step:
            ring.extend((first + keep.nonzero()[:, 0]).tolist())
        expected.append(list(ring))
    return dict(expected=expected, content=[_run(rank, world, late) for late in (None, 0, world - 1)])


def _run(rank, world, late):
    bank, content = NROIBank(capacity=CAPACITY, channels=2), []
    for step in pushes(world):
        first, keep = step[rank]
        rows = torch.arange(first, first + len(keep), dtype=torch.float32)
        if rank == late:
            time.sleep(0.004)
        bank.push(torch.stack([rows, -rows], 1), keep)
        shift = -int(bank.pointer) if bank.fill == CAPACITY else 0
        content.append(bank.content.roll(shift, 0)[:int(bank.fill), 0].int().tolist())
    return content
