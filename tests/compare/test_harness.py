"""Runs of a study: trained in processes of their own, paired, stopped and continued, refused when settings change."""
import contextlib
import fcntl
import io
import json
import subprocess
import sys
import threading
import time

import pytest
import torch
from invented import invent
from studies import write_study
from tool_modules import load_tool

from mmfbr.cam import make_pseudo_masks
from mmfbr.compare import Summary, read_study
from mmfbr.compare.run import Run, Stopped
from mmfbr.evaluation import evaluate, image_ids
from mmfbr.files import InputError, read_json, read_lines


def weights(run):
    return torch.load(run.weights, weights_only=True)['state_dict']


def finish(run, harness, stop=None, said=None, lists=None):
    run.finish(lists or harness.study.lists(False), harness.truth, 1, stop or threading.Event(),
               say=(said if said is not None else []).append)


@pytest.fixture(scope='module')
def trained(tmp_path_factory, data):
    """The words of a command line that has trained a study, its folder, and what it printed before and then."""
    folder, tool, printed = tmp_path_factory.mktemp('trained'), load_tool('compare'), []
    path, out = write_study(folder, seeds=[3]), folder / 'out'
    words = [str(path), '--out', str(out), '--threads', '1', '--draws', '50']
    for more in (['--list'], []):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert tool.main([*words, *more]) == 0
        printed.append(said.getvalue())
    return words, out, printed


def test_a_study_from_its_file_to_the_table(trained, tmp_path, capsys, data):
    words, out, (listed, printed) = trained
    tool, path = load_tool('compare'), words[0]
    assert listed.splitlines()[-2:] == ['host/seed3: not begun', 'fbr/seed3: not begun']
    assert '2 of 2 runs' in printed and 'Not scored yet.' in printed and '## test' not in printed
    summary = read_json(out / 'summary.json', 'The summary')
    assert summary['variants']['fbr']['pairing'] == 'same start and batches'
    host, fbr = (out / 'runs' / name / 'seed3' for name in ('host', 'fbr'))
    assert {path.name for path in fbr.iterdir()} >= {'config.py', 'output.log', 'train', 'weights.pth', 'counts',
                                                     'scores.json'}
    assert not list(fbr.rglob('iter_*.pth')) and not any('phi_' in key for key in weights_of(fbr))
    assert weights_of(fbr).keys() == weights_of(host).keys()
    assert any(not torch.equal(weights_of(fbr)[key], weights_of(host)[key]) for key in weights_of(fbr))
    notes = [read_json(folder / 'train' / 'pairing.json', 'The note') for folder in (host, fbr)]
    assert notes[0] == notes[1] and notes[0]['iterations'] == 6 and notes[0]['first_batch'] != notes[0]['batches']

    # What is scored are the CAM files and masks of the other tools.
    study = read_study(path)
    run = Run(study, study.variants['fbr'], 3, out)
    make_pseudo_masks(run.config, run.weights, None, study.choose_on, cam_dir=tmp_path / 'cams')
    found = evaluate(tmp_path / 'cams', data / 'SegmentationClass', image_ids(None, data / study.choose_on),
                     read_lines(data / 'classes.txt', 'The classes'), thresholds=study.thresholds,
                     all_dir=data / 'SegmentationAll', all_classes=read_lines(data / 'classes_all.txt', 'The classes'))
    scores = read_json(fbr / 'scores.json', 'The scores')
    assert json.loads(json.dumps(found.as_dict())) == {
        key: value for key, value in scores['lists']['trainval'].items() if key != 'measures'}

    # Held-out images come when they are asked for, from the same weights.
    written = (fbr / 'weights.pth').stat().st_mtime_ns
    assert tool.main([*words, '--final']) == 0
    printed = capsys.readouterr().out
    assert '## test' in printed and 'First scored on' in printed and 'training' not in printed
    assert (fbr / 'weights.pth').stat().st_mtime_ns == written
    assert tool.main([*words, '--summary']) == 0
    assert '## test' not in capsys.readouterr().out
    assert all((out / f'summary_{name}').exists() for name in ('trainval.png', 'trainval.svg', 'test.png'))


def weights_of(folder):
    return torch.load(folder / 'weights.pth', weights_only=True)['state_dict']


def test_stopped_training_ends_with_the_bits_of_a_whole_one(trained, harness):
    study = harness(seeds=[3])
    run, = study.of('fbr', 3)
    whole = Run(study.study, study.study.variants['fbr'], 3, trained[1])
    stop = threading.Event()

    def stop_at_a_checkpoint():
        while not (run.work_dir / 'last_checkpoint').exists() and not stop.wait(0.02):
            pass
        stop.set()
    watcher = threading.Thread(target=stop_at_a_checkpoint)
    watcher.start()
    with pytest.raises(Stopped):
        finish(run, study, stop)
    watcher.join()
    deadline = time.monotonic() + 4  # a loading worker that is left alone looks for its parent every five seconds
    while run.state(study.study.lists(False)) == 'under way' and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.pairing is None and run.state(study.study.lists(False)).startswith('stopped after iter_')
    finish(run, study)
    assert run.state(study.study.lists(False)) == 'finished'
    assert all(torch.equal(value, weights(run)[key]) for key, value in weights(whole).items())
    assert run.pairing == whole.pairing


def test_failing_run_keeps_no_other_from_its_end(harness, monkeypatch, capsys):
    study = harness(seeds=[0], variants=dict(host=dict(config='cam_resnet18_demo'), bad={}, worse={}))
    ended = []

    def pretend(run, *args):
        if run.variant.name != 'host':
            raise InputError(f'{run.variant.name} is not to be trained.')
        ended.append(run.name)
    monkeypatch.setattr(Run, 'finish', pretend)
    with pytest.raises(InputError, match='(?s)2 of 3 runs failed; the same command tries them again'
                                         '.*bad/seed0: bad is not to be trained.*worse/seed0'):
        study.go(threads=1)
    assert ended == ['host/seed0']


def test_training_that_fails_says_its_last_words(harness, monkeypatch):
    def start(*args, log, **more):
        log.write_text('many words\nthe last ones\n')
        return subprocess.Popen([sys.executable, '-c', 'raise SystemExit(3)'])
    monkeypatch.setattr('mmfbr.compare.run.start_tool', start)
    study = harness()
    run, = study.of('host', 0)
    with pytest.raises(InputError, match='(?s)The training of host/seed0 stopped with status 3. .*the last ones'):
        finish(run, study)
    assert run.state(study.study.lists(False)) == 'begun'


def test_changed_settings_are_refused_with_their_names(harness):
    invent(harness(), 'fbr', 0, 0.1)
    changed = harness(variants=dict(host=dict(config='cam_resnet18_demo'), fbr=dict(
        options={'model.neck.in_channels': 64, 'model.decode_head.loss_decode.1.nroi.capacity': 200,
                 'model.decode_head.loss_decode.1.warmup_iters': 2})))
    run, = changed.of('fbr', 0)
    with pytest.raises(InputError, match=r'with other settings: model.decode_head.loss_decode.1.warmup_iters. Give'):
        finish(run, changed)
    assert dict(changed.states())['fbr/seed0'] == (
        'made with other settings: model.decode_head.loss_decode.1.warmup_iters')
    with pytest.raises(InputError, match='with other settings'):
        Summary(changed)


@pytest.mark.parametrize('changes, what', [(dict(thresholds=[0.1, 0.4]), 'thresholds'),
                                           (dict(choose_on='elsewhere/trainval.txt'), 'images')])
def test_counts_of_other_images_or_thresholds_are_refused(harness, data, changes, what):
    (data / 'elsewhere').mkdir(exist_ok=True)
    (data / 'elsewhere' / 'trainval.txt').write_text('\n'.join((data / 'ImageSets/val.txt').read_text().split()))
    invent(harness(), 'host', 0, 0.1)
    with pytest.raises(InputError, match=rf'trainval.npz was made with other {what} than the study has now. Delete it'):
        Summary(harness(**changes))


def test_training_of_another_process_is_waited_for(harness):
    study, said = harness(), []
    invent(study, 'host', 0, 0.1)
    run, = study.of('host', 0)
    with open(run.folder / 'lock', 'a') as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = threading.Thread(target=finish, args=(run, study, None, said))
        waiting.start()
        time.sleep(0.3)
        assert said == ['host/seed0: another process is at it; waiting for its end'] and waiting.is_alive()
        assert dict(study.states())['host/seed0'] == 'under way'
        stop = threading.Event()
        stop.set()
        with pytest.raises(Stopped):
            finish(study.of('host', 0)[0], study, stop)
    waiting.join(10)
    assert not waiting.is_alive()


# Held-out images

@pytest.mark.parametrize('changes, says', [
    (dict(hold_out=['ImageSets/val.txt']), r'4 images of the held-out list val are in choose_on \(ImageSets/trainval'),
    (dict(choose_on='ImageSets/val.txt', options={'train_dataloader.dataset.ann_file': 'ImageSets/test.txt'}),
     '6 images of the held-out list test are in the training list of host too'),
])
def test_held_out_images_neither_train_nor_choose(harness, changes, says):
    with pytest.raises(InputError, match=says):
        harness(**changes)


def test_first_look_at_held_out_images_is_noted(harness, monkeypatch):
    study = harness()
    for name in study.study.variants:
        for seed in (0, 1):
            invent(study, name, seed, 0.1, lists=['ImageSets/trainval.txt'] + (
                ['ImageSets/test.txt'] if name == 'host' else []))
    study.go(threads=1, say=lambda text: None)
    assert study.looks() == []
    monkeypatch.setattr(Run, 'finish', lambda *args: None)
    study.go(threads=1, final=True)
    first = study.looks()
    assert [look['variants'] for look in first] == [['host']]
    for seed in (0, 1):
        invent(study, 'fbr', seed, 0.1)
    study.go(threads=1, final=True), study.go(threads=1, final=True)
    assert study.looks()[0] == first[0] and [look['variants'] for look in study.looks()] == [['host'], ['fbr']]


# Folds

def test_folds_share_out_the_images_and_choose_one_threshold_together(harness, tmp_path):
    study = harness(folds=3, hold_out=[])
    whole = study.truth.ids('ImageSets/trainval.txt')
    held = [read_lines(fold.held_out_list, 'The list') for fold in study.folds]
    assert sorted(sum(held, [])) == sorted(whole) and max(map(len, held)) - min(map(len, held)) <= 1
    for fold, images in zip(study.folds, held, strict=True):
        assert sorted(read_lines(fold.train_list, 'The list') + images) == sorted(whole)
    runs = study.of('fbr', 1)
    assert [run.name for run in runs] == [f'fbr/seed1/fold{number}' for number in range(3)]
    assert runs[2].config.train_dataloader.dataset.ann_file == str(study.folds[2].train_list)
    invent(study, 'fbr', 1, 0.2), invent(study, 'host', 1, 0.3)
    summary = Summary(study, draws=20)
    assert summary.seeds('fbr') == [1] and len(summary.threshold('fbr')) == 1
    assert len(summary.scored['fbr', 1].parts['ImageSets/trainval.txt']) == len(whole)
    assert read_json(tmp_path / 'out' / 'runs' / 'fbr' / 'seed1' / 'scores.json', '')['lists']['trainval'][
        'images'] == len(whole)


def test_names_that_the_study_lacks_are_refused(harness):
    with pytest.raises(InputError, match='The study has no variants fb; it has host, fbr'):
        harness().runs(variants=['fb'])
    with pytest.raises(InputError, match='The study has no seeds 7; it has 0, 1'):
        harness().runs(seeds=[7])
    assert [run.name for run in harness().runs()] == ['host/seed0', 'fbr/seed0', 'host/seed1', 'fbr/seed1']
