"""Dense CRF: what goes in, what comes out, and what happens to its worker processes."""
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cam_workers
import numpy as np
import pytest

from mmfbr.cam import CRF, PAR, refinement
from mmfbr.cam.crf import Workers
from mmfbr.files import InputError

ROOT = Path(__file__).resolve().parents[2]


def picture():
    """A bright square on dark ground with noise, and a map that fills the square in part and leaks out of it."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 20, (40, 50, 3))
    image[10:30, 15:35] += 180
    cam = np.full((1, 40, 50), 0.2, np.float32)
    cam[0, 14:34, 19:39] = 0.8
    truth = np.zeros((40, 50), bool)
    truth[10:30, 15:35] = True
    return image.astype(np.uint8), cam, truth


@pytest.mark.parametrize('alpha', [None, 4])
def test_background_is_the_threshold_or_a_power(alpha):
    cam = np.array([[[0.0, 0.5, 1.0]], [[0.0, 0.25, 0.5]]], np.float32)
    background = [[0.3, 0.3, 0.3]] if alpha is None else [[1.0, 0.5**4, 0.0]]
    scores = np.maximum(np.concatenate([[background], cam]), 1e-5)
    result = CRF(alpha=alpha).probabilities(cam, 0.3)
    assert result.shape == (3, 1, 3)
    np.testing.assert_allclose(result, scores / scores.sum(0), rtol=1e-5)


def test_mask_follows_the_image():
    pytest.importorskip('pydensecrf')
    image, cam, truth = picture()
    image.flags.writeable = False  # as `read_image` gives it
    mask = CRF().mask(image, cam, np.array([7]), 0.4, bg_index=2)
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {2, 7}
    assert ((mask == 7) != truth).sum() < ((cam[0] > 0.4) != truth).sum() / 4


def test_without_inference_the_mask_is_the_highest_score():
    pytest.importorskip('pydensecrf')
    image, cam, _ = picture()
    mask = CRF(iterations=0).mask(image, cam, np.array([1]), 0.4)
    np.testing.assert_array_equal(mask, cam[0] > 0.4)


def test_image_without_maps_is_background():
    image, cam, _ = picture()
    assert (CRF().mask(image, cam[:0], np.array([], np.int64), 0.4, bg_index=3) == 3).all()


def test_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'mmfbr\[crf\]'"):
        CRF.check()


def test_refinements_by_name():
    assert refinement('none') is None
    assert refinement('par', dilations=[1, 2], iterations=3) == PAR(dilations=(1, 2), iterations=3)
    assert refinement('crf', alpha=8) == CRF(alpha=8)
    for name, settings, words in (('par', dict(bi_rgb=3), "'par' has no setting bi_rgb; it has dilations, iterations"),
                                  ('none', dict(alpha=3), "'none' has no settings"),
                                  ('walk', {}, 'choose none or one of par, crf, nroi, irn, psa'),
                                  ('crf', dict(bi_rgb=0), 'widths and alpha above 0')):
        with pytest.raises(InputError, match=words):
            refinement(name, **settings)


def test_workers_answer_and_one_that_dies_ends_in_a_sentence():
    with Workers(1) as run:
        assert run(cam_workers.double, 4) == 8
        for _ in range(2):
            with pytest.raises(InputError, match='worker process of the refinement died.* fewer --workers'):
                run(cam_workers.die)


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    script = tmp_path / 'start.py'
    script.write_text('import sys, cam_workers\nfrom mmfbr.cam.crf import Workers\n'
                      'if __name__ == "__main__":\n'
                      '    with Workers(1) as run:\n        run(cam_workers.wait, sys.argv[1])\n')
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    process = subprocess.Popen([sys.executable, script, tmp_path / 'pid'], env={**os.environ, 'PYTHONPATH': paths})
    worker = int(_when(lambda: (tmp_path / 'pid').exists() and (tmp_path / 'pid').read_text()))
    process.kill()
    process.wait()
    try:
        assert _when(lambda: not _runs(worker))
    finally:
        if _runs(worker):
            os.kill(worker, signal.SIGKILL)


def _when(condition, seconds=300):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(0.1)
    return value


def _runs(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False
