"""Time, by stage and in turns, and the memory of a process."""
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch

MIB = 2**20


class Stopwatch:
    """Seconds spent in each stage itself, without the stages within it."""

    def __init__(self, device):
        self.device, self.spent, self.now_in = device, defaultdict(float), 'other'

    @contextmanager
    def stage(self, name):
        outer = self._enter(name)
        try:
            yield
        finally:
            self._enter(outer)

    def watched(self, function, name):
        def run(*args, **kwargs):
            with self.stage(name):
                return function(*args, **kwargs)
        return run

    def start(self):
        self.since = now(self.device)

    def _enter(self, name):
        outer, at = self.now_in, now(self.device)
        self.spent[outer] += at - self.since
        self.now_in, self.since = name, at
        return outer


def in_turns(runs, repeats, device):
    """Median seconds of each of ``runs`` {name: function}: all once to warm up, then ``repeats`` rounds of all, so that
    a busy machine is busy for all."""
    times = defaultdict(list)
    for turn in range(repeats + 1):
        for name, function in runs.items():
            start = now(device)
            function()
            if turn:
                times[name].append(now(device) - start)
    return {name: median(values) for name, values in times.items()}


def resident_peak(function):
    """MiB by which the resident memory rises at its peak in ``function``; None where the system does not tell."""
    try:
        Path('/proc/self/clear_refs').write_text('5')  # the peak so far is forgotten
        before = _resident('VmRSS')
        function()
        return (_resident('VmHWM') - before) / MIB
    except OSError:
        return None


def _resident(field):
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def now(device):
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter()
