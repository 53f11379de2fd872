"""The benchmark measures what it says, in small."""
import json
import sys
from pathlib import Path

import pytest

from mmfbr.benchmark import clock
from mmfbr.benchmark import measure as benchmark
from mmfbr.benchmark.clock import Stopwatch
from mmfbr.benchmark.measure import STAGES, Step, Workload, measure, peak_memory

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
SMALL = Workload(images=2, size=16, channels=8, classes=4, queries=40, negatives=6, bank=30)


def test_workload_has_about_the_queries_asked_for():
    step = Step(SMALL)
    assert step.candidates() == pytest.approx(40, abs=10)
    assert int(step.loss.nroi.fill) == 30 and len(step.bank) == 30


def test_every_way_of_a_step_reaches_the_features():
    step = Step(SMALL)
    for way in (step.fast, step.slow, step.projection):
        way()
        assert step.feature.grad.any() and step.neck.phi_fg.weight.grad.any()
    assert 1 <= step.rounds() <= step.loss.nroi.rounds
    for product in step.products().values():
        product()


def test_stopwatch_gives_each_stage_its_own_time(monkeypatch):
    ticks = iter([0, 1, 3, 6, 10])
    monkeypatch.setattr(clock, 'now', lambda device: next(ticks))
    watch = Stopwatch('cpu')
    watch.start()
    with watch.stage('outer'):
        watch.watched(lambda: None, 'inner')()
    assert dict(watch.spent) == {'other': 1, 'outer': 2 + 4, 'inner': 3}


def test_result_is_complete_and_printed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, 'peak_memory', lambda work: 12.0)
    result = measure(SMALL, repeats=2)
    assert set(result['stages_ms']) == set(STAGES)
    assert all(result['stages_ms'][name] > 0 for name in STAGES)
    assert result['straightforward_over_total'] == result['times_ms']['straightforward'] / result['times_ms']['total']
    monkeypatch.syspath_prepend(TOOLS)
    import benchmark as tool
    monkeypatch.setattr(tool, 'measure', lambda work, repeats: result)
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', '--size', '16', '--json', str(tmp_path / 'out.json')])
    tool.main()
    printed = capsys.readouterr().out
    assert all(stage in printed for stage in STAGES) and '12 MiB' in printed
    assert json.loads((tmp_path / 'out.json').read_text()) == result


def test_peak_memory_grows_with_the_batch():
    small, large = (peak_memory(Workload(images=n, channels=64, bank=30)) for n in (1, 8))
    assert small is large is None or 0 <= small < large < 300  # None where the system does not tell
