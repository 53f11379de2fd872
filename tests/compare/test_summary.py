"""The summary of finished runs: its numbers against the scores of each run, its tables, its plot."""
import json
import math
import shutil

import numpy as np
import pytest
from invented import invent
from PIL import Image
from studies import write_study

from mmfbr.compare import Harness, Summary, read_study
from mmfbr.compare.plot import BETTER, UNSURE, WORSE, _panel
from mmfbr.compare.statistics import MEASURES
from mmfbr.compare.summary import Difference
from mmfbr.compare.tables import markdown
from mmfbr.files import read_json

CHOOSE, HELD_OUT = 'ImageSets/trainval.txt', 'ImageSets/test.txt'
MISTAKES = {('host', 0): 0.30, ('host', 1): 0.34, ('fbr', 0): 0.20, ('fbr', 1): 0.26}


@pytest.fixture(scope='module')
def finished(tmp_path_factory, data):
    """The folder of a study whose four runs are finished."""
    folder = tmp_path_factory.mktemp('finished')
    study = Harness(read_study(write_study(folder)), folder / 'out')
    for (variant, seed), mistakes in MISTAKES.items():
        invent(study, variant, seed, mistakes)
    return folder


@pytest.fixture
def study(finished, tmp_path):
    shutil.copytree(finished / 'out', tmp_path / 'out')
    return Harness(read_study(finished / 'study.json'), tmp_path / 'out')


def test_numbers_are_those_of_the_runs(study):
    summary = Summary(study, final=True, draws=200)
    of_runs = {}
    for variant in ('host', 'fbr'):
        for seed in (0, 1):
            content = read_json(study.out / 'runs' / variant / f'seed{seed}' / 'scores.json', 'The scores')
            assert content['threshold_chosen_on'] == 'trainval' and content['seconds_per_iteration'] == [0.25]
            of_runs[variant, seed] = {name: content['lists'][name] for name in ('trainval', 'test')}
    for entry, name in ((CHOOSE, 'trainval'), (HELD_OUT, 'test')):
        iou = {key: of_list[name]['mean_iou'] for key, of_list in of_runs.items()}
        np.testing.assert_allclose(summary.values(entry, 'fbr')['iou'], [iou['fbr', 0], iou['fbr', 1]])
        gaps = [iou['fbr', seed] - iou['host', seed] for seed in (0, 1)]
        difference = summary.differences(entry, 'fbr')['iou']
        np.testing.assert_allclose(difference.of_seeds, gaps)
        assert difference.mean == pytest.approx(np.mean(gaps)) and difference.mean > 0.05
        assert difference.bootstrap[0] < difference.mean < difference.bootstrap[1]
        assert difference.student[0] < difference.mean < difference.student[1]
        share = np.mean([of_runs['fbr', seed][name]['stuff']['mean_cooccurrence_share'] for seed in (0, 1)])
        assert summary.values(entry, 'fbr')['share'].mean() == pytest.approx(share)
        stuff = of_runs['host', 1][name]['stuff']['classes'][2]
        assert stuff['name'] == 'cow' and stuff['companion'] == 'grass'
        assert summary.values(entry, 'host')['class_ratio'][1, 3] == pytest.approx(stuff['confusion_ratio']['grass'])
    assert summary.differences(CHOOSE, 'host') == {}


def test_threshold_is_chosen_on_one_list_and_used_on_all(study):
    summary = Summary(study, final=True, draws=10)
    for seed in (0, 1):
        content = read_json(study.out / 'runs' / 'fbr' / f'seed{seed}' / 'scores.json', 'The scores')
        assert content['threshold'] == summary.threshold('fbr')[seed] == 0.7  # on test the first best one is 0.5
        assert {content['lists'][name]['threshold'] for name in ('trainval', 'test')} == {0.7}
        assert 'sweep' in content['lists']['trainval'] and 'sweep' not in content['lists']['test']


def test_only_seeds_that_both_have_are_paired(study):
    invent(study, 'fbr', 1, 0.2, lists=[CHOOSE])
    (study.out / 'runs' / 'host' / 'seed1' / 'counts' / 'trainval.npz').unlink()
    summary = Summary(study, draws=10)
    assert summary.seeds('host') == [0] and summary.seeds('fbr') == [0, 1]
    difference = summary.differences(CHOOSE, 'fbr')['iou']
    assert len(difference.of_seeds) == 1 and all(map(math.isnan, difference.student))
    assert '3 of 4 runs' in summary.write()


@pytest.mark.parametrize('notes, said', [
    (dict(), 'same start and batches'), (dict(batches='other'), 'same start')])
def test_pairing_in_words(study, notes, said):
    invent(study, 'fbr', 1, 0.2, **notes)
    assert Summary(study, draws=10).pairing('fbr') == said


def test_other_start_is_said(study):
    path = study.out / 'runs' / 'fbr' / 'seed0' / 'train' / 'pairing.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), 'weights': 'other'}))
    assert Summary(study, draws=10).pairing('fbr') == 'same batches'


def test_files_hold_the_tables_and_all_numbers(study):
    summary = Summary(study, final=True, draws=50)
    text = summary.write()
    assert (study.out / 'summary.md').read_text() == text
    content = read_json(study.out / 'summary.json', 'The summary')
    fbr = content['variants']['fbr']
    assert content['companions']['cow'] == 'grass' and fbr['against'] == 'host' and fbr['seeds'] == [0, 1]
    for name in ('trainval', 'test'):
        assert fbr['lists'][name].keys() == MEASURES.keys()
        found = fbr['lists'][name]['iou']['difference']
        cells = next(line for line in text.split(f'## {name}')[1].splitlines() if line.startswith('| fbr ')).split('|')
        assert cells[6].strip().rstrip('*') == f'{100 * found["mean"]:+.2f}'
        assert cells[7].strip() == ' to '.join(f'{100 * end:+.2f}' for end in found['bootstrap_95'])
        assert cells[8].strip() == ' to '.join(f'{100 * end:+.2f}' for end in found['t_95'])
    assert fbr['lists']['test']['share']['difference_of_classes'].keys() == {
        'background', 'train', 'boat', 'cow', 'aeroplane'}


def test_plot_is_drawn_for_each_list(study):
    Summary(study, final=True, draws=50).write()
    for name in ('trainval', 'test'):
        with Image.open(study.out / f'summary_{name}.png') as picture:
            assert picture.width > 1000 and len(picture.convert('RGB').getcolors(2**24)) > 10
        assert '</svg>' in (study.out / f'summary_{name}.svg').read_text()


def test_panels_show_whole_intervals_and_all_seeds():
    from matplotlib.figure import Figure
    wide = Difference([0.02, 0.01], (-0.03, 0.05), (-0.9, 0.9))
    sure = Difference([0.11, 0.13], (0.1, 0.14), (0.09, 0.15))
    for name, better in (('iou', True), ('share', False)):
        axis = Figure().subplots()
        _panel(axis, name, [wide, sure, Difference([math.nan], (math.nan,) * 2, (math.nan,) * 2)])
        low, high = axis.get_xlim()
        assert -30 < low < -3 and 14 < high < 30  # in points; the t interval of the first is cut off
        colours = {line.get_color() for line in axis.lines}
        assert (BETTER in colours) == better and (WORSE in colours) != better and UNSURE in colours


@pytest.mark.parametrize('bootstrap, student, sign', [
    ((0.1, 0.2), (0.05, 0.3), 1), ((-2, -1), (-3, -0.1), -1), ((0.1, 0.2), (-0.1, 0.4), 0), ((-1, 0.2), (-2, 1), 0),
    ((0.1, 0.2), (math.nan, math.nan), 0)])
def test_finding_is_what_both_intervals_say(bootstrap, student, sign):
    assert Difference([0.1], bootstrap, student).sign == sign


def test_summary_without_a_pair_has_a_plot_without_rows(study):
    for seed in (0, 1):
        (study.out / 'runs' / 'fbr' / f'seed{seed}' / 'counts' / 'trainval.npz').unlink()
    text = Summary(study, draws=10).write()
    assert '2 of 4 runs' in text and (study.out / 'summary_trainval.png').exists()


def test_data_without_stuff_masks(harness):
    study = harness(all_masks=None, all_classes=None)
    for (variant, seed), mistakes in MISTAKES.items():
        invent(study, variant, seed, mistakes)
    text = Summary(study, draws=20).write()
    assert 'Accompanying' not in text and '### co-occurrence share' not in text
    assert read_json(study.out / 'summary.json', '')['variants']['fbr']['lists']['trainval']['share']['difference'][
        'mean'] is None


def test_markdown_lines_up():
    assert markdown([('a', 'bcd'), (1, '')]) == '| a | bcd |\n|---|-----|\n| 1 |     |'
