"""Each reader ends on each damaged file with a sentence that names it, in bounded time and memory, or reads it.

``MMFBR_FUZZ=full`` reads all files, without it every ninth of families of like ones.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from readers import READERS

PROGRAM = Path(__file__).resolve().with_name('bounded.py')


@pytest.fixture(scope='module')
def reports():
    """{reader: its report}; one process for all, since its imports take longer than its work."""
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(PROGRAM.parents[1])}
    ended = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr[-2000:]
    lines = [line for line in ended.stdout.splitlines() if line.startswith('{')]  # a fork's import has a word to say
    return {report['reader']: report for report in map(json.loads, lines)}


@pytest.mark.parametrize('name', READERS)
def test_damaged_files(name, reports):
    report = reports[name]
    assert not report['failures'], '\n'.join(report['failures'][:20])
    assert report['refused'] >= 6
