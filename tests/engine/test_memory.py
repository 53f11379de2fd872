"""Freed blocks stay with a process that trains on the CPU."""
import resource
import subprocess
import sys

import pytest

TOUCH = """
import resource, sys, torch
from mmfbr.engine import keep_memory
if sys.argv[1] == 'keep':
    keep_memory()
block = lambda: torch.zeros(50_000_000, dtype=torch.uint8)
block()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    block()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='glibc is met on Linux')
def test_a_block_of_the_same_size_comes_without_fresh_pages():
    def faults(how):
        done = subprocess.run([sys.executable, '-c', TOUCH, how], capture_output=True, text=True, check=True)
        return int(done.stdout.split()[-1])
    pages = 50_000_000 / resource.getpagesize()
    # Of five blocks one may come fresh: what lay behind the freed one was in use.
    assert faults('keep') < 1.5 * pages and faults('leave') > 4 * pages


def test_a_machine_with_a_gpu_and_another_c_library_are_left_alone(monkeypatch):
    from mmfbr.engine import memory
    monkeypatch.setattr(memory.torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(memory.ctypes, 'CDLL', lambda name: pytest.fail('a GPU is there'))
    memory.keep_memory()
    monkeypatch.setattr(memory.torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(memory.ctypes, 'CDLL', lambda name: object())
    memory.keep_memory()
