"""Killed at random moments, trainings and tools end as uninterrupted ones do; in full: `make test-kill`."""
import json
import subprocess
import sys
from pathlib import Path

import pytest
from subjects import BROKEN, SUBJECTS

# Few kills here, of what does not take long, at the same operations and the same shares of the time in each run.
KILLS = {name: 2 for name in SUBJECTS if name not in ('masks-crf', 'report', 'demo')}
KILLS.update({'train-epochs-alone': 1, 'train-ema': 1, 'train-ema-buffers': 1, 'checkpoint-writes': 4})


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """{subject: what was found}, by one process that imports everything once and forks."""
    path = tmp_path_factory.mktemp('kill') / 'results.json'
    done = subprocess.run([sys.executable, Path(__file__).with_name('kill.py'), '--toys', '--json', path,
                           *(f'{name}={kills}' for name, kills in KILLS.items())], capture_output=True, text=True)
    assert path.exists(), done.stderr
    print(done.stdout)
    return json.loads(path.read_text())


@pytest.mark.parametrize('name', KILLS)
def test_killed_runs_lose_nothing_and_end_as_uninterrupted_ones(results, name):
    assert not results[name]['problems'], '\n'.join(results[name]['problems'])
    assert results[name]['kills'] == KILLS[name]


@pytest.mark.parametrize('broken', BROKEN)
def test_broken_promise_is_noticed(results, broken):
    found = results[f'toy: {broken}']
    assert found['kills']
    if BROKEN[broken] is None:
        assert not found['problems']
    else:
        assert any(BROKEN[broken] in problem for problem in found['problems'])
