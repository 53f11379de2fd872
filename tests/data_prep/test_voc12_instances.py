"""Instances of VOC's val and SBD's val, and boxes of train_aug, as COCO files."""
import json
import sys

import numpy as np
import pytest
from official_archives import (
    IMAGES,
    SIZE,
    instance_mat,
    png,
    sbd_files,
    voc_files,
    voc_mask,
    voc_objects,
    write_voc,
    xml,
)
from pycocotools.coco import COCO

from mmfbr.data_prep import prepare_voc12
from mmfbr.data_prep.voc12 import CLASSES
from mmfbr.files import InputError


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp('voc')
    prepare_voc12(root / 'out', write_voc(root))
    return root


def loaded(root, name):
    file = COCO(str(root / 'out' / 'annotations' / f'{name}.json'))
    assert [(entry['id'], entry['name']) for entry in file.loadCats(file.getCatIds())] == [*enumerate(CLASSES[1:], 1)]
    by_name = {image['file_name'].removesuffix('.jpg'): file.loadAnns(file.getAnnIds(image['id']))
               for image in file.loadImgs(file.getImgIds())}
    assert all((image['width'], image['height']) == SIZE for image in file.imgs.values())
    return file, by_name


def test_val_is_voc_s_object_masks(prepared):
    file, images = loaded(prepared, 'instances_voc12_val')
    assert [*images] == ['c']
    assert [entry['category_id'] for entry in images['c']] == [1 + IMAGES.index('c')] * 2
    for number, entry in enumerate(images['c'], 1):
        assert np.array_equal(file.annToMask(entry), voc_objects('c') == number)  # nothing of the border
    assert images['c'][1]['bbox'] == [9, 4, 4, 7] and images['c'][1]['area'] == 28


def test_val_of_sbd_is_its_instances(prepared):
    file, images = loaded(prepared, 'instances_sbd_val')
    assert [*images] == ['c', 'e']
    for image, entries in images.items():
        assert [entry['category_id'] for entry in entries] == [1 + IMAGES.index(image), 20]
        assert np.array_equal(file.annToMask(entries[0]), voc_objects(image) == 1)


def test_boxes_are_those_of_the_xml(prepared):
    _, images = loaded(prepared, 'boxes_voc12_train_aug')
    assert [*images] == ['a', 'b', 'd', 'e']
    assert [(entry['category_id'], entry['iscrowd']) for entry in images['d']] == [(4, 0), (4, 1)]  # one is difficult
    assert images['d'][0]['bbox'] == [4, 3, 10, 9] and images['d'][0]['area'] == 90
    assert {entry['category_id'] for entry in images['a']} == {*range(1, 21)}


def test_files_that_were_deleted_come_back(prepared, tmp_path):
    files = sorted((prepared / 'out' / 'annotations').iterdir())
    before = [path.read_bytes() for path in files]
    for path in files:
        path.unlink()
    counts, remarks = prepare_voc12(prepared / 'out', tmp_path)  # no archive there
    assert counts['written'] == 2
    assert 'annotations/instances_sbd_val.json is not made: it needs inst of benchmark.tgz.' in remarks
    assert prepare_voc12(prepared / 'out', prepared)[0]['written'] == 1
    assert [path.read_bytes() for path in files] == before


def test_sbd_without_instances(tmp_path):
    write_voc(tmp_path, sbd={name: data for name, data in sbd_files().items() if not name.startswith('inst/')})
    _, remarks = prepare_voc12(tmp_path / 'out', tmp_path)
    assert any('it needs inst' in remark for remark in remarks)
    assert not (tmp_path / 'out' / 'annotations' / 'instances_sbd_val.json').exists()


def test_images_without_xml_have_no_boxes_and_an_object_on_background_is_told(tmp_path):
    files = voc_files() | {'SegmentationObject/c.png': png(np.where(voc_mask('c') == 255, 255, 3))}
    del files['Annotations/d.xml']
    write_voc(tmp_path, voc=files)
    _, remarks = prepare_voc12(tmp_path / 'out', tmp_path)
    assert [*loaded(tmp_path, 'boxes_voc12_train_aug')[1]] == ['a', 'b', 'e']
    assert any('c: object 3' in remark for remark in remarks)


@pytest.mark.parametrize(('voc', 'sbd', 'sentence'), [
    ({'Annotations/d.xml': xml(['boat']).replace(b'<xmax>14.0</xmax>', b'')}, {}, 'd.xml has an object without a c'),
    ({'Annotations/d.xml': xml(['boat']).replace(b'5', b'five')}, {}, 'd.xml has an object without a class'),
    ({}, {'inst/c.mat': instance_mat(voc_objects('c') % 255, [3])}, r'c.mat in .* has the instances \[1, 2\] and'),
    ({}, {'inst/c.mat': instance_mat(voc_objects('c') % 255, [3, 21])}, r'categories \[3, 21\]; each instance needs'),
    ({}, {'inst/c.mat': instance_mat(np.zeros((3, 3), np.uint8), [])}, 'inst/c.mat in .* has 3 x 3 pixels, its image'),
    ({}, {'inst/c.mat': b'MATLAB?'}, 'is no mask of SBD, a .mat file with GTinst.Segmentation and Categories'),
    ({}, {'inst/c.mat': None}, 'no instances of 1 images of its val.txt, first c'),
    ({'SegmentationObject/c.png': None}, {}, '1 of 1 object masks of val are missing: .*c.png. the download'),
])
def test_faults_are_named(tmp_path, voc, sbd, sentence):
    changed = [{name: data for name, data in {**files, **changes}.items() if data is not None}
               for files, changes in ((voc_files(), voc), (sbd_files(), sbd))]
    write_voc(tmp_path, *changed)
    with pytest.raises(InputError, match=sentence):
        prepare_voc12(tmp_path / 'out', tmp_path)


def test_without_pycocotools_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycocotools', None)
    _, remarks = prepare_voc12(tmp_path / 'out', write_voc(tmp_path))
    assert any('no instances are written' in remark and 'pip install pycocotools' in remark for remark in remarks)
    assert json.loads((tmp_path / 'out' / 'image_labels.json').read_text())  # the rest is there
