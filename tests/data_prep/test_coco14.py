"""COCO 2014: masks painted by size, crowds, labels and lists from miniature archives in the official formats."""
import json

import numpy as np
import pytest
from official_archives import (
    CATEGORIES,
    SIZE,
    annotation,
    coco_annotations,
    coco_content,
    coco_images,
    content,
    jpeg,
    rectangle,
    runs,
    stopped_and_restarted,
    write_coco,
    write_folder,
    write_zip,
)

from mmfbr.data_prep import prepare_coco14
from mmfbr.data_prep.coco14 import _parse, paint
from mmfbr.files import InputError, read_json
from mmfbr.image_files import read_mask

FIRST, EVERY, NONE = (f'COCO_train2014_{number:012d}' for number in (1, 2, 3))
COLUMN = {category['id']: index for index, category in enumerate(CATEGORIES, 1)}


@pytest.fixture(scope='module')
def downloads(tmp_path_factory):
    return write_coco(tmp_path_factory.mktemp('downloads'))


@pytest.fixture(scope='module')
def prepared(downloads, tmp_path_factory):
    out = tmp_path_factory.mktemp('coco')
    prepare_coco14(out, downloads)
    return out


def test_lists_and_images(prepared):
    lists = {path.stem: path.read_text().split() for path in (prepared / 'ImageSets').iterdir()}
    assert lists['train'] == [FIRST, EVERY] and lists['train_background_only'] == [NONE]
    assert [name.removeprefix('COCO_val2014_') for name in lists['val']] == ['000000000101', '000000000102']
    assert len(lists['val_background_only']) == 1 and len(lists) == 4
    assert (prepared / 'JPEGImages' / f'{EVERY}.jpg').read_bytes() == jpeg(seed=1)
    assert len(list((prepared / 'JPEGImages').iterdir())) == 6


def test_classes_are_in_the_order_of_their_ids(prepared):
    names = (prepared / 'classes.txt').read_text().splitlines()
    assert names == ['background', *(f'thing {category["id"]}' for category in CATEGORIES)]


def test_labels_hold_crowds_and_what_has_no_area(prepared):
    labels = read_json(prepared / 'image_labels.json', 'labels')
    assert labels[FIRST] == [f'thing {identity}' for identity in (1, 2, 3, 4, 82)]
    assert len(labels[EVERY]) == 80 and labels[NONE] == [] and len(labels) == 6


def test_mask_of_polygons_runs_and_a_crowd(prepared):
    """Reference by hand: the large polygon first, the small one on it, the crowd only where nothing is."""
    expected = np.zeros(SIZE[::-1], np.uint8)
    expected[6:12, 2:20] = 255
    expected[2:10, 4:12] = expected[2:4, 14:16] = COLUMN[1]
    expected[4:6, 6:8] = COLUMN[3]
    expected[0:2, 20:24] = COLUMN[2]
    assert np.array_equal(read_mask(prepared / 'SegmentationClass' / f'{FIRST}.png'), expected)
    assert not read_mask(prepared / 'SegmentationClass' / f'{NONE}.png').any()
    assert read_mask(prepared / 'SegmentationClass' / f'{EVERY}.png').max() == 80  # of equal areas the last stays


def test_paint_against_a_pixel_by_pixel_reference():
    random = np.random.default_rng(0)
    height, width = 9, 11
    for _ in range(20):
        shapes = [(int(random.integers(1, 81)), bool(random.random() < 0.3), number,
                   random.random((height, width)) < share) for number, share in enumerate(random.random(6))]
        instances = [(*shape[:3], runs(shape[3], True)['counts'].encode()) for shape in shapes]
        expected = np.zeros((height, width), np.uint8)
        for row in range(height):
            for column in range(width):
                here = [(shape[3].sum(), -shape[2], shape) for shape in shapes if shape[3][row, column]]
                things = [entry for entry in here if not entry[2][1]]
                expected[row, column] = min(things)[2][0] if things else 255 if here else 0
        assert np.array_equal(paint(instances, height, width), expected)


def test_annotations_before_the_images_are_understood():
    whole = coco_content('train', coco_annotations('train'))
    entries = [(key, item) for key, items in whole.items() if isinstance(items, list) for item in items]
    early = sorted(entries, key=lambda entry: entry[0])  # 'annotations' comes first
    assert early[0][0] == 'annotations' and _parse(iter(early), 'x') == _parse(iter(entries), 'x')


def test_counts_are_told_and_compared_with_the_official_ones(downloads, tmp_path):
    counts, remarks = prepare_coco14(tmp_path / 'coco', downloads)
    assert counts == dict(train=2, val=2, train_background_only=1, val_background_only=1, written=12)
    assert 'train has 2 images; the official archives give 82081.' in remarks
    assert prepare_coco14(tmp_path / 'coco', tmp_path / 'nowhere')[0]['written'] == 0


@pytest.mark.parametrize('renames', [2, 4, 6, 8, 12, 17, 18])
def test_a_killed_run_continues(downloads, prepared, tmp_path, renames):
    stopped_and_restarted(lambda out: prepare_coco14(out, downloads), tmp_path / 'coco', content(prepared), renames)


def test_unpacked_folders_give_the_same(downloads, prepared, tmp_path):
    for split in ('train', 'val'):
        write_folder(tmp_path / f'{split}2014', coco_images(split))
        text = json.dumps(coco_content(split, coco_annotations(split)))
        write_folder(tmp_path / 'annotations', {f'instances_{split}2014.json': text.encode()})
    prepare_coco14(tmp_path / 'out', tmp_path)
    assert content(tmp_path / 'out') == content(prepared)
    prepare_coco14(tmp_path / 'named', downloads, tmp_path / 'annotations',
                   dict(train=tmp_path / 'train2014', val=downloads / 'val2014.zip'), link='symlink')
    assert (tmp_path / 'named' / 'JPEGImages' / f'{FIRST}.jpg').is_symlink()
    assert content(tmp_path / 'named') == content(prepared)


@pytest.mark.parametrize(('annotations', 'sentence'), [
    ([annotation(1, 99, 1, [rectangle(0, 0, 4, 4)])],
     r'instances_train2014.json in .* is not a COCO annotation file: KeyError\(99'),
    ([annotation(1, 1, 9, [rectangle(0, 0, 4, 4)])], r'KeyError\(9\)'),
    ([dict(id=1, image_id=1)], "KeyError.'segmentation'"),
    ([annotation(7, 1, 1, runs(np.ones((3, 3)), True))],
     r'The run lengths of annotation 7 of .*train2014.json in .* are of size \[3, 3\], its image of'),
])
def test_faults_in_annotations_are_named(tmp_path, annotations, sentence):
    write_coco(tmp_path, train=coco_content('train', annotations))
    with pytest.raises(InputError, match=sentence):
        prepare_coco14(tmp_path / 'coco', tmp_path)
    assert not (tmp_path / 'coco' / 'image_labels.json').exists()


def test_faults_in_images_are_named(tmp_path):
    write_coco(tmp_path)
    images = coco_images('val')
    name = next(iter(images))
    write_zip(tmp_path / 'val2014.zip', dict(list(images.items())[1:]), 'val2014')
    with pytest.raises(InputError, match=f'1 of 3 images of .*val2014.zip are missing: .*{name}'):
        prepare_coco14(tmp_path / 'coco', tmp_path)
    (tmp_path / 'val2014.zip').unlink()
    for data, sentence in ((jpeg((24, 17)), 'is not the image of 24 x 16 pixels that instances_val2014.json describes'),
                           (images[name][:200], 'cannot be decoded')):
        write_folder(tmp_path / 'val2014', {**images, name: data})
        (tmp_path / 'coco' / 'JPEGImages' / name).unlink(missing_ok=True)
        with pytest.raises(InputError, match=f'{name} {sentence}'):
            prepare_coco14(tmp_path / 'coco', tmp_path)


def test_missing_and_truncated_archives_are_named(tmp_path):
    with pytest.raises(InputError, match='neither annotations_trainval2014.zip nor, unpacked, annotations/'):
        prepare_coco14(tmp_path / 'coco', tmp_path)
    write_coco(tmp_path)
    (tmp_path / 'val2014.zip').unlink()
    with pytest.raises(InputError, match=r'neither val2014.zip nor.*the 2014 val images \(6 GB\).*--val-images'):
        prepare_coco14(tmp_path / 'coco', tmp_path)
    (tmp_path / 'val2014.zip').write_bytes((tmp_path / 'train2014.zip').read_bytes()[:500])
    with pytest.raises(InputError, match='val2014.zip is no archive that can be read: the download is incomplete'):
        prepare_coco14(tmp_path / 'coco', tmp_path)
    text = json.dumps(coco_content('train', coco_annotations('train')))
    write_zip(tmp_path / 'annotations_trainval2014.zip', {'instances_train2014.json': text[:700]}, 'annotations')
    write_zip(tmp_path / 'val2014.zip', coco_images('val'), 'val2014')
    with pytest.raises(InputError, match='instances_train2014.json in .* is not a whole JSON object'):
        prepare_coco14(tmp_path / 'coco', tmp_path)
