"""Runs scenarios in groups of 2 and 4 gloo processes on the CPU and writes what each process saw.

`python process_group.py FOLDER [NAME ...]` writes FOLDER/NAME_WORLD_RANK.json for each scenario or those named. One
program imports the packages, its forks are the processes: one that imports mmseg and mmdet itself takes 6 s for it.
"""
import hashlib
import importlib
import json
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import torch
from mmengine.logging import MMLogger
from torch import distributed, multiprocessing
from torch.utils._python_dispatch import TorchDispatchMode

MODULES = ('bank_scenarios', 'training_scenarios', 'split_scenarios')
SCENARIOS = {}


def scenario(*worlds):
    """Registers a function of rank and number of processes that returns what JSON can hold."""
    def register(function):
        SCENARIOS[function.__name__] = worlds, function
        return function
    return register


def digest(tensors):
    """A short text that is equal for tensors of equal bits."""
    content = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        content.update(tensor.detach().contiguous().numpy().tobytes())
    return content.hexdigest()


class Traffic(TorchDispatchMode):
    """Bytes that this process hands to each kind of collective within the block, by whatever wrapper it is called."""
    SENT = {'allgather_': 1, 'allreduce_': 0, 'broadcast_': 0}  # which argument of the operator is what it sends

    def __init__(self):
        super().__init__()
        self.bytes = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.namespace == 'c10d':
            name = func.name().partition('::')[2].partition('.')[0]
            sent = sum(tensor.nbytes for tensor in args[self.SENT[name]])
            self.bytes[name] = self.bytes.get(name, 0) + sent
        return func(*args, **(kwargs or {}))


def member(rank, world, folder, scenarios):
    """One process: every scenario in a group of its own, so that a broken one leaves the others alone."""
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('ERROR')
    for name, (worlds, function) in scenarios.items():
        if world not in worlds:
            continue
        key = f'{folder}/{name}_{world}'
        distributed.init_process_group('gloo', f'file://{key}.store', timedelta(seconds=20), world, rank)
        try:
            torch.manual_seed(0)
            result = function(rank, world)
        except Exception:
            result = dict(error=traceback.format_exc())
        distributed.destroy_process_group()
        Path(f'{key}_{rank}.json').write_text(json.dumps(result))


if __name__ == '__main__':
    for module in MODULES:
        importlib.import_module(module)
    # The modules registered theirs in the module of this file's name; this one is called __main__.
    known, (folder, *names) = sys.modules['process_group'].SCENARIOS, sys.argv[1:]
    wanted = {name: known[name] for name in names or known}
    for size in (2, 4):
        multiprocessing.start_processes(member, (size, folder, wanted), nprocs=size, start_method='fork')
