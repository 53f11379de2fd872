"""tools/make_pseudo_masks.py as users start it: killed at any moment, shared by torchrun, given bad input."""
import errno
import json
import os
import random
import re
import runpy
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from cam_models import CLASSES, cam_config, cam_model
from PIL import Image

from mmfbr.cam import PAR, make_pseudo_masks, pseudo_masks
from mmfbr.evaluation import Scores, mask_from_cam, score_masks
from mmfbr.image_files import read_cam, read_image, read_mask, voc_palette, write_mask

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'make_pseudo_masks.py'
SIZES = [(24, 30), (40, 30), (24, 31), (64, 48)]  # the first and the third make one batch
IDS = [f'i{number:02}' for number in range(14)]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A data set of 14 images of three sizes, masks of it, a config file and a checkpoint."""
    root = tmp_path_factory.mktemp('tool')
    (root / 'images').mkdir()
    rng = np.random.default_rng(0)
    for number, name in enumerate(IDS):
        height, width = SIZES[number % 4]
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(root / 'images' / f'{name}.jpg')
        write_mask(root / 'gt' / f'{name}.png', rng.choice([0, 0, 1, 2, 255], (height, width)), voc_palette())
    labels = {name: [CLASSES[1 + number % 3], CLASSES[1 + number % 2]] for number, name in enumerate(IDS)}
    (root / 'labels.json').write_text(json.dumps({name: sorted(set(own)) for name, own in labels.items()}))
    (root / 'list.txt').write_text('\n'.join(IDS))
    torch.save(cam_model().state_dict(), root / 'model.pth')
    cam_config(root=root, scales=(1.0, 0.5)).dump(root / 'config.py')
    return root


@pytest.fixture
def tool(root, tmp_path, monkeypatch, capsys):
    """Runs the tool in this process into ``tmp_path / 'masks'``; returns its status and what it printed."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)

    def run(*words):
        monkeypatch.setattr(sys, 'argv', list(map(str, command(root, tmp_path / 'masks', *words))))
        status = 0
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as error:
            status = error.code
        return status, ''.join(capsys.readouterr())
    return run


def command(root, out, *words):
    return [TOOL, root / 'config.py', root / 'model.pth', '--out', out, '--batch', 3, *words]


def process(words, launcher=()):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '-1'}
    return subprocess.Popen([sys.executable, *map(str, [*launcher, *words])], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


@pytest.fixture(scope='module')
def whole(root, tmp_path_factory):
    """Masks by PAR and CAM files of an uninterrupted run, with a threshold that it chose."""
    folder = tmp_path_factory.mktemp('whole')
    run = process(command(root, folder / 'masks', *chosen(root, folder)))
    assert run.wait() == 0, run.stdout.read()
    assert len(files(folder)) == 2 * len(IDS) + 2
    return folder


def chosen(root, folder):
    return ['--cam-dir', folder / 'cams', '--refine', 'par', '--refine-cfg', 'iterations=2', '--threshold-from',
            root / 'list.txt', root / 'gt']


# Stopped and shared runs

def test_run_killed_at_random_moments_ends_with_the_files_of_an_uninterrupted_one(root, whole, tmp_path):
    # The network is slow, so that each kill falls into the work; the moment within an image is random.
    slow = tmp_path / 'slow.py'
    slow.write_text('import runpy, sys, time\nfrom mmfbr.cam import pseudo_masks\n'
                    'made = pseudo_masks.batch_cams\n'
                    'def batch_cams(*args):\n    time.sleep(0.3)\n    return made(*args)\n'
                    'pseudo_masks.batch_cams = batch_cams\n'
                    'sys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name="__main__")\n')
    words, seen, rng = command(root, tmp_path / 'masks', *chosen(root, tmp_path)), [0], random.Random(0)
    for _ in range(3):
        run = process([slow, *words])
        end = time.monotonic() + 300
        while count(tmp_path) <= seen[-1] and run.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.4))
        run.kill()
        run.wait()
        seen.append(count(tmp_path))
    assert 0 < seen[1] < 2 * len(IDS)  # it was killed at work
    for number, name in enumerate(('masks/.i01.png.abc_1234.part', 'cams/.i02.npz.abcd1234.part',
                                   'masks/.png_made_by.json.abcd1234.part')):  # and left what a killed run may leave
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b'half'[number:])
    run = process(words)
    assert run.wait() == 0, run.stdout.read()
    assert {name: content for name, content in files(tmp_path).items() if '/' in name} == files(whole)


def count(folder):
    return len(list(folder.glob('*/*.png')) + list(folder.glob('*/*.npz')))


def test_two_processes_of_torchrun_make_the_files_of_one(root, whole, tmp_path):
    launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', 2]
    run = process(command(root, tmp_path / 'masks', *chosen(root, tmp_path)), launcher)
    assert run.wait() == 0, run.stdout.read()
    assert files(tmp_path) == files(whole)


# Threshold and refinement

def test_masks_are_refined_maps_cut_at_the_best_threshold(root, whole):
    note = json.loads((whole / 'masks' / 'png_made_by.json').read_text())
    refine, scores = PAR(iterations=2), {}
    assert note['refine'] == json.loads(json.dumps({'name': 'par', **vars(refine)}))
    cams = {name: read_cam(whole / 'cams' / f'{name}.npz') for name in IDS}
    maps = {name: refine.refine(read_image(root / 'images' / f'{name}.jpg'), cams[name][0]) for name in IDS}
    for name in IDS:
        np.testing.assert_array_equal(read_mask(whole / 'masks' / f'{name}.png'),
                                      mask_from_cam(maps[name], cams[name][1], note['threshold']))
    for threshold in (note['threshold'], *np.arange(0, 0.9, 0.1)):
        for name in IDS:
            write_mask(whole.parent / 'cut' / f'{name}.png', mask_from_cam(maps[name], cams[name][1], threshold),
                       voc_palette())
        scores[threshold] = Scores.of(score_masks(whole.parent / 'cut', root / 'gt', IDS, len(CLASSES))).mean_iou
    assert max(scores.values()) == scores[note['threshold']]


def test_chosen_threshold_is_printed_and_kept(tool, root, tmp_path, monkeypatch):
    status, said = tool('--threshold-from', root / 'list.txt', root / 'gt')
    threshold = json.loads((tmp_path / 'masks' / 'png_made_by.json').read_text())['threshold']
    assert status == 0 and f'threshold {threshold:g}, the best of 91 on' in said and 'mIoU' in said
    monkeypatch.setattr(pseudo_masks, 'load_cam_model', None)  # nothing is left to be made
    status, said = tool('--threshold-from', root / 'list.txt', root / 'gt')
    assert status == 0 and f'threshold {threshold:g}, as noted with the masks' in said
    status, said = tool('--threshold', 0.9)
    assert status == 2 and 'made with another threshold, threshold_from' in said


def test_crf_in_processes(tool, tmp_path):
    pytest.importorskip('pydensecrf')
    status, said = tool('--refine', 'crf', '--refine-cfg', 'alpha=8', '--workers', 1)
    assert status == 0, said
    assert len(list((tmp_path / 'masks').glob('*.png'))) == len(IDS)


@pytest.mark.parametrize(('words', 'named'), [
    (['--refine', 'par', '--refine-cfg', 'alpha=3'], "'par' has no setting alpha"),
    (['--refine', 'crf', '--refine-cfg', 'alpha=3', '--threshold-from', 'list.txt', 'gt'], 'no threshold to choose'),
    (['--threshold', '1.5'], 'values from 0 to 1; it is 1.5'),
    (['--batch', '0'], 'batch must be 1 or more'),
    (['--threshold-from', 'list.txt', 'nowhere'], 'nowhere does not exist'),
    (['--threshold-from', 'list.txt', 'images'], '14 of 14 images have no ground truth'),
])
def test_settings_that_do_not_fit_are_refused_before_the_work(tool, root, monkeypatch, tmp_path, words, named):
    monkeypatch.chdir(root)
    monkeypatch.setattr(pseudo_masks.CRF, 'check', lambda: None)
    status, said = tool(*words)
    assert status == 2 and named in said and 'Traceback' not in said
    assert not (tmp_path / 'masks').exists()


# Bad input

@pytest.fixture
def broken(root, tmp_path):
    """The data set once more in ``tmp_path / 'data'``, to be damaged."""
    data = tmp_path / 'data'
    for folder in ('images', 'gt'):
        (data / folder).mkdir(parents=True)
        for path in (root / folder).iterdir():
            (data / folder / path.name).write_bytes(path.read_bytes())
    for name in ('labels.json', 'list.txt'):
        (data / name).write_bytes((root / name).read_bytes())
    return data


def refused(tool, data, *words):
    status, said = tool('--cfg-options', f'train_dataloader.dataset.data_root={data}', *words)
    assert status == 2 and 'Traceback' not in said, said
    return said


def test_truncated_image_is_named_and_finished_files_stay(tool, broken, tmp_path):
    path = broken / 'images' / 'i13.jpg'
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])
    assert 'i13.jpg cannot be decoded' in refused(tool, broken)
    kept = len(list((tmp_path / 'masks').glob('*.png')))
    assert kept >= 6
    path.write_bytes(content)
    status, said = tool('--cfg-options', f'train_dataloader.dataset.data_root={broken}')
    assert status == 0 and f'{14 - kept} images done, {kept} were there already' in said
    path.write_bytes(b'no image')
    assert 'i13.jpg cannot be decoded' in refused(tool, broken)  # found by its header, before any work


def test_ground_truth_that_cannot_be_counted_is_named(tool, broken):
    words = ['--threshold-from', broken / 'list.txt', broken / 'gt']
    foreign = Image.fromarray(np.full((40, 30), 77, np.uint8))
    for name, mask, named in (('i03', Image.new('RGB', (48, 64)), 'i03.png has mode RGB'),
                              ('i02', Image.new('P', (9, 9)), 'i02: .*differ in size'),
                              ('i01', foreign, 'i01: .*holds the value 77')):
        path = broken / 'gt' / f'{name}.png'
        content = path.read_bytes()
        mask.save(path)
        assert re.search(named, refused(tool, broken, *words))
        path.write_bytes(content)


def test_empty_list_is_refused(tool, broken):
    (broken / 'list.txt').write_text('\n')
    assert 'list.txt is empty' in refused(tool, broken)


@pytest.mark.parametrize('writer', ['write_mask', 'write_cam'])
def test_full_disk_ends_in_a_sentence_and_leaves_no_half_file(tool, root, tmp_path, monkeypatch, writer):
    suffix, saved, replace = {'write_mask': '.png', 'write_cam': '.npz'}[writer], [], os.replace

    def full(source, target):
        if Path(target).suffix == suffix:
            if len(saved) == 2:
                raise OSError(errno.ENOSPC, 'No space left on device')
            saved.append(target)
        replace(source, target)
    words = ['--cam-dir', tmp_path / 'cams'] if writer == 'write_cam' else []
    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', full)
        status, said = tool(*words)
    assert status == 2 and 'cannot be written (No space left on device)' in said and 'Traceback' not in said
    assert not [path for path in tmp_path.rglob('*') if path.suffix == '.part']
    status, said = tool(*words)
    assert status == 0 and len(list((tmp_path / 'masks').glob('*.png'))) == len(IDS)


def test_result_does_not_depend_on_the_batch(root, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for batch in (1, 5):
        make_pseudo_masks(cam_config(root=root), root / 'model.pth', None, cam_dir=tmp_path / str(batch), batch=batch)
    for name in IDS:
        cams = [read_cam(tmp_path / batch / f'{name}.npz') for batch in ('1', '5')]
        np.testing.assert_allclose(*(cam for cam, _ in cams), atol=1e-3)
