"""The command line of tools/eval_masks.py."""
import json
from pathlib import Path

import numpy as np
import pytest
from tool_modules import load_tool

from mmfbr.image_files import voc_palette, write_cam, write_mask

TOOL = Path(__file__).parents[2] / 'tools' / 'eval_masks.py'


@pytest.fixture(scope='module')
def tool():
    return load_tool('eval_masks')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One image: a cow on grass, of which the CAM gets stronger from the grass's edge to the cow's."""
    truth = np.repeat([[0, 0, 1, 1]], 3, axis=0)
    write_mask(tmp_path / 'gt' / 'x.png', truth, voc_palette())
    write_mask(tmp_path / 'pred' / 'x.png', [[0, 1, 1, 1]] * 3, voc_palette())
    write_mask(tmp_path / 'all' / 'x.png', truth, voc_palette())
    write_cam(tmp_path / 'cam' / 'x.npz', [[[0, 0.25, 0.5, 1]] * 3], [1])
    (tmp_path / 'classes.txt').write_text('background\ncow\n')
    (tmp_path / 'all.txt').write_text('grass\ncow\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(tool, line):
    return tool.main(line.split())


def test_masks_with_stuff_and_json(tool, folder, capsys):
    assert run(tool, 'pred gt --classes classes.txt --all-masks all --all-classes all.txt --json out/scores.json') == 0
    printed = capsys.readouterr().out
    assert 'cow' in printed and '58.33' in printed and 'grass 0.500' in printed
    content = json.loads((folder / 'out' / 'scores.json').read_text())
    assert content['mean_iou'] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert content['confusion'] == [[3, 3, 0], [0, 6, 0]]
    assert content['stuff']['classes'][0]['cooccurrence_share'] == pytest.approx(1 / 3)


def test_sweep_then_the_same_score_at_that_threshold(tool, folder, capsys):
    assert run(tool, 'cam gt --classes classes.txt --sweep --curve curve.png --json sweep.json') == 0
    assert 'threshold 0.25: best of the sweep on these images, mIoU 100.00 %' in capsys.readouterr().out
    sweep = json.loads((folder / 'sweep.json').read_text())['sweep']
    assert sweep['thresholds'] == [round(0.01 * i, 2) for i in range(91)] and sweep['best_threshold'] == 0.25
    assert (folder / 'curve.png').exists()
    assert run(tool, 'cam gt --classes classes.txt --threshold 0.25') == 0
    assert 'threshold 0.25: mIoU 100.00 %' in capsys.readouterr().out


@pytest.mark.parametrize('text, expected', [
    ('0:0.9:0.3', [0, 0.3, 0.6, 0.9]), ('0.1:0.35:0.1', [0.1, 0.2, 0.3]), ('0.5:0.5:1', [0.5])])
def test_steps(tool, text, expected):
    assert tool.steps(text) == expected


@pytest.mark.parametrize('arguments, named', [
    ('pred gt', '--classes FILE'),
    ('pred gt --classes none.txt', 'none.txt does not exist'),
    ('pred none --classes classes.txt', 'none does not exist'),
    ('cam gt --classes classes.txt', 'no prediction (.png)'),
    ('pred gt --classes classes.txt --sweep', 'no CAM file (.npz)'),
    ('pred gt --classes classes.txt --curve c.png', 'give --sweep too'),
    ('cam gt --classes classes.txt --sweep --curve c.txt', 'c.txt: the name of a plot ends in .png'),
    ('pred gt --classes classes.txt --all-masks all', '--all-classes FILE belong together'),
    ('pred gt --classes classes.txt --json gt', 'gt'),
])
def test_user_errors_end_in_a_sentence(tool, folder, capsys, arguments, named):
    assert run(tool, arguments) == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize('option', ['--sweep 0.5:0.1:0.1', '--sweep 0:1:0', '--sweep x', '--threshold 2',
                                    '--threshold 0.3 --sweep'])
def test_argument_errors_exit_with_2(tool, folder, capsys, option):
    with pytest.raises(SystemExit) as error:
        run(tool, f'cam gt --classes classes.txt {option}')
    assert error.value.code == 2
