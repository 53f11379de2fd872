"""From files to a COCO file by tools/make_instances.py: what it holds, who can read it, and what is refused."""
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO
from tool_modules import load_tool

from mmfbr.files import write_text
from mmfbr.image_files import read_mask, voc_palette, write_cam, write_mask

TOOL = Path(__file__).parents[2] / 'tools' / 'make_instances.py'
CLASSES = 'background\ncow\nboat\n'
# Two cows that touch and touch a boat, a boat at the border, one pixel of a cow, 255 beside it, cows over a corner.
MASK = np.array([list(row) for row in ('00000000022',
                                       '01111110022',
                                       '01111110000',
                                       '01112220000',
                                       '00000000100',
                                       '00000001000',
                                       '00000000000',
                                       '10000000003')]).astype(np.uint8)
MASK[MASK == 3] = 255


@pytest.fixture(scope='module')
def tool():
    return load_tool('make_instances')


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data set of an image, ``a``, and one without anything, ``b``; its CAM has the two cows' peaks."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 8, 11, 3), np.uint8)
    for name, mask, pixels in (('a', MASK, noise[0]), ('b', np.zeros((8, 11)), noise[1])):
        write_mask(tmp_path / 'masks' / f'{name}.png', mask, voc_palette())
        (tmp_path / 'JPEGImages').mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / 'JPEGImages' / f'{name}.jpg')
    cow = np.zeros((8, 11))
    cow[1:4, 1:7] = [1, .75, .5, .25, .5, .75]
    cow[4:, :] = 0.125
    write_cam(tmp_path / 'cams' / 'a.npz', [cow, np.full((8, 11), 0.25)], [1, 2])
    write_cam(tmp_path / 'cams' / 'b.npz', np.zeros((0, 8, 11)), [])
    write_text(tmp_path / 'classes.txt', CLASSES)
    write_text(tmp_path / 'list.txt', 'b\na\n')
    write_text(tmp_path / 'a.txt', 'a\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(tool, line):
    return tool.main([*line.split(), '--out', 'out.json'])


def load():
    """(annotations, their masks) of out.json, after checking that each mask is what its annotation says."""
    coco, masks = COCO('out.json'), []
    for entry in coco.dataset['annotations']:
        mask = coco.annToMask(entry).astype(bool)
        rows, columns = np.nonzero(mask)
        assert entry['area'] == mask.sum() == run_lengths.area(entry['segmentation']) > 0
        assert entry['bbox'] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert entry['iscrowd'] == 0 and isinstance(entry['segmentation']['counts'], str)
        masks.append(mask)
    assert [entry['id'] for entry in coco.dataset['annotations']] == [*range(1, len(masks) + 1)]
    return coco.dataset['annotations'], masks


def painted(masks):
    assert not np.any(np.sum(masks, axis=0) > 1)
    return sum(number * mask for number, mask in enumerate(masks, 1))


def rows(*lines):
    return np.array([[int(digit) for digit in line] for line in lines])


def test_components_leave_touching_objects_of_a_class_together(tool, data, capsys):
    assert run(tool, 'masks --method-cfg min_area=0') == 0
    annotations, masks = load()
    np.testing.assert_array_equal(painted(masks), rows(
        '00000000044', '01111110044', '01111110000', '01115550000',
        '00000000200', '00000002000', '00000000000', '30000000000'))
    assert [entry['category_id'] for entry in annotations] == [1, 1, 1, 2, 2]
    assert [entry['score'] for entry in annotations] == [1] * 5
    assert capsys.readouterr().out.startswith(
        'out.json: 5 instances in 2 images, 1 of them without any\ncow 3, boat 2\n')


def test_peaks_separate_them(tool, data):
    assert run(tool, 'masks --cams cams --method-cfg min_area=0') == 0
    annotations, masks = load()
    np.testing.assert_array_equal(painted(masks), rows(
        '00000000055', '01111220055', '01111220000', '01116660000',
        '00000000300', '00000003000', '00000000000', '40000000000'))
    assert [entry['score'] for entry in annotations] == pytest.approx([7.25 / 11, .625, .125, .125, .25, .25], abs=1e-6)


@pytest.mark.parametrize('options, count', [
    ('connectivity=4 min_area=0', 6), ('min_area=2', 4), ('min_area=3', 3), ('min_area=4', 2), ('min_area=0.034', 3),
    ('min_area=0.035', 2), ('min_area=99', 0)])  # 3 of 88 pixels are a share of 0.0341
def test_connectivity_and_least_area(tool, data, options, count):
    assert run(tool, f'masks --method-cfg {options}') == 0
    assert len(load()[0]) == count


@pytest.mark.parametrize('options, found', [
    ('', [1, 1]), ('--threshold 0.2', [1, 2]), ('--threshold 0.75', [1]), ('--threshold 1', [])])
def test_without_masks_the_cams_are_cut(tool, data, options, found):
    """The valley between the cows has 0.25, and as much has the boat everywhere, which comes second."""
    assert run(tool, f'--cams cams --method components --method-cfg min_area=0 {options}') == 0
    assert [entry['category_id'] for entry in load()[0]] == found


def test_file_and_its_order(tool, data):
    assert run(tool, 'masks --list list.txt') == 0
    content = json.loads(Path('out.json').read_text())
    assert [*content] == ['info', 'licenses', 'images', 'categories', 'annotations']
    assert content['images'] == [dict(id=1, file_name='b.jpg', height=8, width=11),
                                 dict(id=2, file_name='a.jpg', height=8, width=11)]
    assert [(entry['id'], entry['name']) for entry in content['categories']] == [(1, 'cow'), (2, 'boat')]
    assert {entry['image_id'] for entry in content['annotations']} == {2}
    assert content['info']['method'] == 'components' and content['info']['min_area'] == 0.005


def test_another_background_shifts_no_category(tool, data):
    (data / 'classes.txt').write_text('cow\nbackground\nboat\n')
    for name in 'ab':
        mask = read_mask(data / 'masks' / f'{name}.png')
        write_mask(data / 'masks' / f'{name}.png', np.where(mask < 2, 1 - mask, mask), voc_palette())
    assert run(tool, 'masks --bg-index 1') == 0
    assert [entry['category_id'] for entry in load()[0]] == [1, 1, 1, 2, 2]


def test_mmdet_reads_it(tool, data):
    from mmdet.datasets import CocoDataset
    assert run(tool, 'masks') == 0
    dataset = CocoDataset(ann_file='out.json', data_prefix=dict(img='JPEGImages/'),
                          metainfo=dict(classes=('cow', 'boat')), pipeline=[])
    first, second = (dataset.get_data_info(index) for index in range(2))
    assert [entry['bbox_label'] for entry in first['instances']] == [0, 0, 0, 1, 1] and not second['instances']
    assert first['instances'][0]['bbox'] == [1, 1, 7, 4] and Path(first['img_path']).exists()


def test_objects_are_the_ground_truth(tool, data, capsys):
    objects = np.zeros((8, 11), np.uint8)
    objects[1:4, 1:5], objects[1:3, 5:7], objects[3, 5:7], objects[0:2, 9:] = 3, 7, 8, 1
    objects[7, 9:] = 5  # one pixel on background, one ignored
    write_mask(data / 'SegmentationObject' / 'a.png', objects, voc_palette())
    mask = MASK.copy()
    mask[1, 1] = 255  # under object 3
    write_mask(data / 'masks' / 'a.png', mask, voc_palette())
    os.rename('masks', 'SegmentationClass')
    assert run(tool, '--method objects') == 0
    annotations, masks = load()
    np.testing.assert_array_equal(painted(masks), rows(
        '00000000011', '00222330011', '02222330000', '02222440000',
        '00000000000', '00000000000', '00000000000', '00000000000'))
    assert [entry['category_id'] for entry in annotations] == [2, 1, 1, 2]
    said = capsys.readouterr()
    assert said.err.count('object 3 covers cow (10 pixels), boat (1 pixels)') == 1
    assert said.err.count('object 5 lies on background') == 1 and said.err.count('note:') == 2


def test_a_repeat_gives_the_same_bytes_and_a_kill_leaves_nothing(tool, data, monkeypatch):
    line = 'masks --cams cams --sheet sheet.png'
    child = os.fork()
    if not child:  # dies when all is written and nothing is in place
        os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
        run(tool, line)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert not (data / 'out.json').exists() and len([*data.glob('.*.part')]) == 1
    assert run(tool, line) == 0
    first = [(data / name).read_bytes() for name in ('out.json', 'sheet.png')]
    assert run(tool, line) == 0
    assert [(data / name).read_bytes() for name in ('out.json', 'sheet.png')] == first
    assert not [*data.glob('.*.part')]


def test_an_error_leaves_the_file_of_before(tool, data):
    assert run(tool, 'masks') == 0
    before = (data / 'out.json').read_bytes()
    (data / 'masks' / 'b.png').write_bytes(b'no')
    assert run(tool, 'masks') == 2
    assert (data / 'out.json').read_bytes() == before


@pytest.mark.parametrize('line, named', [
    ('', 'folder of masks, of CAM files, or both'),
    ('masks --classes none.txt', 'none.txt does not exist'),
    ('masks --data none', 'none/classes.txt does not exist'),
    ('none', 'none does not exist'),
    ('JPEGImages', 'holds no file *.png'),
    ('masks --images none', 'none does not exist'),
    ('masks --list none.txt', 'none.txt does not exist'),
    ('--method irn', 'give --cams and --relations'),
    ('--cams cams --method irn', 'give --cams and --relations'),
    ('masks --cams cams --relations cams', 'leave MASKS out'),
    ('--cams cams --relations cams --method peaks', "'peaks' reads no --relations"),
    ('--cams cams --relations cams --method-cfg radius=1', 'radius, from 2'),
    ('--cams cams --relations cams --method-cfg connectivity=6', 'connectivity must be 4 or 8'),
    ('--cams cams --relations none', 'none does not exist'),
    ('masks --method peaks', 'give the folder of the CAM files'),
    ('masks --method-cfg min_prominence=1', "'components' has no setting min_prominence; it has min_area"),
    ('masks --method-cfg min_area=-1', 'min_area of the method'),
    ('masks --method-cfg min_area=many', "it is 'many'"),
    ('masks --method-cfg connectivity=6', 'connectivity must be 4 or 8'),
    ('masks --bg-index 3', 'background index 3 is outside the 3 classes'),
    ('--cams cams --threshold 1.5', 'it is 1.5'),
    ('masks --objects masks --method peaks', 'leave it or --method out'),
    ('masks --objects masks --cams cams', 'leave --cams and --method-cfg out'),
    ('masks --sheet s.png --sheet-images 0', 'show 1 image or more'),
])
def test_wrong_arguments_end_in_a_sentence(tool, data, capsys, line, named):
    assert run(tool, line) == 2
    assert named in capsys.readouterr().err and not Path('out.json').exists()


def spoil(name, content):
    path = Path(name)
    path.unlink()
    if isinstance(content, tuple):
        write_cam(path, *content)
    elif isinstance(content, np.ndarray):
        write_mask(path, content, voc_palette())
    elif content is not None:
        path.write_bytes(content)


@pytest.mark.parametrize('name, content, named', [
    ('a.txt', b'\n', 'a.txt is empty'),
    ('a.txt', b'a\nx\n', 'no mask (.png) in masks: x'),
    ('masks/a.png', np.full((8, 11), 7, np.uint8), 'masks/a.png has the values 7; class indices go from 0 to 2'),
    ('classes.txt', b'background\ncow\n', 'map of class 2, but foreground classes are 0 to 1'),
    ('classes.txt', b'background\ncow\ncow\n', 'has cow twice'),
    ('masks/a.png', None, 'no mask (.png) in masks: a'),
    ('masks/a.png', np.zeros((8, 10), np.uint8), 'masks/a.png has 10 x 8 pixels, its image 11 x 8. Give masks'),
    ('JPEGImages/a.jpg', None, '1 of 1 images are not in JPEGImages: a'),
    ('JPEGImages/a.jpg', b'no', 'JPEGImages/a.jpg cannot be decoded'),
    ('cams/a.npz', None, 'no CAM file (.npz) in cams: a'),
    ('cams/a.npz', b'no', 'cams/a.npz cannot be read'),
    ('cams/a.npz', (np.zeros((2, 8, 10)), [1, 2]), 'cams/a.npz has 10 x 8 pixels, its image 11 x 8'),
    ('cams/a.npz', (np.zeros((1, 8, 11)), [1]), 'class 2, of which cams/a.npz has no map'),
    ('cams/a.npz', (np.zeros((2, 8, 11)), [1, 3]), 'cams/a.npz: the CAM has a map of class 3'),
    ('cams/a.npz', (np.full((2, 8, 11), np.nan), [1, 2]), 'cams/a.npz: the CAM holds values that are NaN'),
])
def test_files_that_cannot_be_used_are_named(tool, data, capsys, name, content, named):
    spoil(name, content)
    assert run(tool, 'masks --cams cams --list a.txt') == 2
    assert named in capsys.readouterr().err and not Path('out.json').exists()


def test_all_files_that_cannot_be_used_are_told_at_once(tool, data, capsys):
    for name in 'ab':
        spoil(f'masks/{name}.png', np.full((8, 11), 9, np.uint8))
    assert run(tool, 'masks') == 2
    told = capsys.readouterr().err
    assert '2 of 2 images cannot be used' in told and 'a.png has the values 9' in told and 'b.png' in told
