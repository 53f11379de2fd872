"""Memory stays flat over a training, and two trainings in processes of their own are equal bit by bit.

``MMFBR_STEPS=2000 pytest tests/numbers/test_long_run.py`` trains so many steps, without it 60.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).with_name('long_run.py')
STEPS = int(os.environ.get('MMFBR_STEPS', 60))


def run(hash_seed):
    done = subprocess.run([sys.executable, '-W', 'ignore', TOOL, str(STEPS)], capture_output=True, text=True,
                          cwd=TOOL.parent, env={**os.environ, 'PYTHONHASHSEED': hash_seed, 'OMP_NUM_THREADS': '1'})
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]


@pytest.fixture(scope='module')
def runs():
    return run('1'), run('2')


def test_memory_is_flat(runs):
    *lines, _ = runs[0]
    assert [line['step'] for line in lines] == [STEPS // 10 * tenth for tenth in range(1, 11)]
    # From the third tenth on, when every size of batch has been there.
    assert len({line['tensors'] for line in lines[2:]}) == 1
    assert lines[-1]['rss'] - lines[2]['rss'] < 16
    assert 0 < lines[0]['fill'] <= lines[-1]['fill']


def test_same_seed_same_losses_bank_and_weights(runs):
    one, other = ([line.get('losses') or line['state'] for line in lines] for lines in runs)
    assert one == other and len(set(one)) == 11
