"""Instances by displacements: drawn scenes through the tool, the released algorithm written out, files that are bad."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as run_lengths
from slow_affinity import dense, slow_pairs, slow_path
from tool_modules import load_tool
from torch.nn import functional as F

from mmfbr.files import write_text
from mmfbr.image_files import write_cam, write_relations
from mmfbr.instances import DisplacementInstances, Displacements

HEIGHT, WIDTH, STRIDE = 64, 96, 4
# Two cows that touch, and a boat that touches the second: (class, rows, columns).
THINGS = [(1, slice(8, 40), slice(8, 44)), (1, slice(8, 40), slice(44, 80)), (2, slice(40, 60), slice(40, 88))]


def scene():
    """(CAM (2, H, W), boundary (1, h, w), displacements (2, h, w)) of the things, as a perfect network says it."""
    owner = np.full((HEIGHT, WIDTH), -1)
    for number, (_, rows, columns) in enumerate(THINGS):
        owner[rows, columns] = number
    cam = np.zeros((2, HEIGHT, WIDTH), np.float32)
    for number, (index, rows, columns) in enumerate(THINGS):  # a seed in the middle of each thing, another strength
        y, x = (part.start + (part.stop - part.start) // 2 for part in (rows, columns))
        cam[index - 1, y - 6:y + 6, x - 8:x + 8] = 1 - 0.1 * number
    cells = owner[STRIDE // 2::STRIDE, STRIDE // 2::STRIDE]
    y, x = np.mgrid[:cells.shape[0], :cells.shape[1]]
    field = np.zeros((2, *cells.shape), np.float32)
    for number in range(len(THINGS)):
        inside = cells == number
        field[:, inside] = np.stack([y[inside].mean() - y[inside], x[inside].mean() - x[inside]])
    padded = np.pad(cells, 1, mode='edge')
    near = np.stack([padded[1 + dy:padded.shape[0] - 1 + dy, 1 + dx:padded.shape[1] - 1 + dx]
                     for dy, dx in ((0, 1), (1, 0), (1, 1))])
    boundary = np.where((near != cells).any(0), 0.97, 0.02).astype(np.float32)[None]
    return cam, boundary, field


@pytest.fixture
def data(tmp_path, monkeypatch):
    cam, boundary, field = scene()
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    (tmp_path / 'JPEGImages').mkdir()
    for name in 'ab':
        Image.fromarray(noise).save(tmp_path / 'JPEGImages' / f'{name}.jpg')
    write_cam(tmp_path / 'cams' / 'a.npz', cam, [1, 2])
    write_cam(tmp_path / 'cams' / 'b.npz', cam[:0], [])
    for name in 'ab':
        write_relations(tmp_path / 'relations' / f'{name}.npz', boundary, field)
    write_text(tmp_path / 'classes.txt', 'background\ncow\nboat\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line=''):
    return load_tool('make_instances').main(['--cams', 'cams', '--relations', 'relations', '--out', 'out.json',
                                             *line.split()])


def test_things_that_touch_are_separated(data, capsys):
    assert run('--threshold 0.25') == 0
    content = json.loads(Path('out.json').read_text())
    assert content['info']['method'] == 'irn' and content['info']['threshold'] == 0.25
    found = [(entry['category_id'], run_lengths.decode(entry['segmentation']).astype(bool))
             for entry in content['annotations']]
    assert [index for index, _ in found] == [1, 1, 2]
    for index, rows, columns in THINGS:
        thing = np.zeros((HEIGHT, WIDTH), bool)
        thing[rows, columns] = True
        assert max((thing & mask).sum() / (thing | mask).sum() for own, mask in found if own == index) > 0.7
    assert 'cow 2, boat 1' in capsys.readouterr().out
    first = Path('out.json').read_bytes()
    assert run('--threshold 0.25') == 0 and Path('out.json').read_bytes() == first


def test_without_displacements_they_are_one(data):
    _, boundary, field = scene()
    write_relations('relations/a.npz', 0 * boundary, 0 * field)
    assert run() == 0
    content = json.loads(Path('out.json').read_text())
    assert [entry['category_id'] for entry in content['annotations']].count(1) == 1


def follow(field, start):
    """The cell where the way along whole displacements ends (those of the scene lead there in one step)."""
    y, x = start
    return round(y + field[0, y, x]), round(x + field[1, y, x])


def test_against_the_algorithm_written_out(data):
    method = Displacements(steps=32, min_area=0)
    cam, boundary, field = (part.astype(np.float16).astype(np.float32) for part in scene())
    cells = field.shape[1:]
    weak = np.hypot(*field) < method.max_displacement
    centre = {}  # a centroid's cells, found by flooding
    for start in np.ndindex(*cells):
        if weak[start] and start not in centre:
            waiting = [start]
            while waiting:
                y, x = waiting.pop()
                if 0 <= y < cells[0] and 0 <= x < cells[1] and weak[y, x] and (y, x) not in centre:
                    centre[y, x] = start
                    waiting += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    owner = {start: centre.get(follow(field, start)) for start in np.ndindex(*cells)}
    means = cam.reshape(2, cells[0], STRIDE, cells[1], STRIDE).mean((2, 4))
    affinity = [1 - max(float(boundary[0][place]) for place in slow_path(*pair)) for pair in slow_pairs(*cells, 5)]
    power = np.linalg.matrix_power(dense(torch.tensor(affinity), *cells, 5, 10), 32)
    channels = []
    for row, index in enumerate((1, 2)):
        for own in dict.fromkeys(owner.values()):
            seed = np.array([[means[row, y, x] * (owner[y, x] == own) for x in range(cells[1])]
                             for y in range(cells[0])])
            if seed.any():
                walked = power @ (seed * (1 - boundary[0])).ravel()
                large = F.interpolate(torch.from_numpy(walked.reshape(1, 1, *cells)), scale_factor=4, mode='bilinear')
                channels.append((index, large[0, 0].numpy()))
    values = np.stack([large for _, large in channels])
    best = np.where(values.max(0) > 0.25 * values.max(), values.argmax(0), -1)
    source = DisplacementInstances(3, method, data / 'cams', data / 'relations')
    found = source('a', (HEIGHT, WIDTH))
    for number, (index, large) in enumerate(channels):
        own = [instance for instance in found if (instance.mask & (best == number)).any()]
        union = sum(instance.mask for instance in own)
        assert ((union > 0) != (best == number)).sum() <= 8  # pixels where two are as strong as one another
        assert all(instance.class_index == index for instance in own)
        assert max(instance.score for instance in own) == pytest.approx(large.max() / values.max(), abs=1e-3)
    assert source('b', (HEIGHT, WIDTH)) == []


@pytest.mark.parametrize(('name', 'content', 'named'), [
    ('relations/a.npz', None, 'no file of relations (.npz) in relations: a'),
    ('relations/a.npz', b'no', 'relations/a.npz cannot be read'),
    ('relations/a.npz', (np.zeros((1, 16, 24)), np.zeros((2, 16, 23))), 'relations/a.npz holds shapes'),
    ('relations/a.npz', (np.zeros((1, 10, 24)), np.zeros((2, 10, 24))), '24 x 10 cells, which its image of 96 x 64'),
    ('relations/a.npz', (np.full((1, 16, 24), 2), np.zeros((2, 16, 24))), 'NaN or out of range'),
    ('relations/a.npz', (np.zeros((1, 16, 24)), np.full((2, 16, 24), np.nan)), 'NaN or out of range'),
    ('cams/a.npz', b'no', 'cams/a.npz cannot be read')])
def test_files_that_cannot_be_used_are_named(data, capsys, name, content, named):
    Path(name).unlink()
    if isinstance(content, tuple):
        write_relations(name, *content)
    elif content is not None:
        Path(name).write_bytes(content)
    assert run() == 2
    assert named in capsys.readouterr().err and not Path('out.json').exists()
