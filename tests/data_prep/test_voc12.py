"""VOC 2012 and SBD: masks, lists and labels from miniature archives in the official formats."""
import json
import sys

import numpy as np
import pytest
from official_archives import (
    content,
    jpeg,
    mat,
    png,
    sbd_files,
    sbd_mask,
    stopped_and_restarted,
    voc_files,
    voc_mask,
    write_folder,
    write_voc,
    xml,
)

from mmfbr.data_prep import prepare_voc12
from mmfbr.data_prep.voc12 import CLASSES
from mmfbr.files import InputError, read_json
from mmfbr.image_files import read_mask


@pytest.fixture(scope='module')
def downloads(tmp_path_factory):
    return write_voc(tmp_path_factory.mktemp('downloads'))


@pytest.fixture(scope='module')
def prepared(downloads, tmp_path_factory):
    out = tmp_path_factory.mktemp('voc')
    prepare_voc12(out, downloads)
    return out


def lists(out):
    return {path.stem: path.read_text().split() for path in (out / 'ImageSets' / 'Segmentation').iterdir()}


def test_lists(prepared):
    assert lists(prepared) == dict(train=['a', 'b'], val=['c'], trainval=['a', 'b', 'c'], aug=['d', 'e'],
                                   train_aug=['a', 'b', 'd', 'e'])
    assert (prepared / 'classes.txt').read_text().split() == list(CLASSES)


def test_masks_are_voc_s_where_it_has_them_else_sbd_s(prepared):
    found = {path.stem: read_mask(path) for path in (prepared / 'SegmentationClassAug').iterdir()}
    assert sorted(found) == list('abcde')
    for image in 'abc':
        assert np.array_equal(found[image], voc_mask(image)) and (found[image] == 255).any()
    for image in 'de':
        assert np.array_equal(found[image], sbd_mask(image))


def test_labels_are_the_boxes(prepared):
    assert read_json(prepared / 'image_labels.json', 'labels') == dict(
        a=list(CLASSES[1:]), b=['bicycle'], c=['bird'], d=['boat'], e=['bottle'])


def test_images_and_the_rest_are_unpacked_as_they_are(prepared):
    assert all((prepared / name).read_bytes() == data for name, data in voc_files().items())


def test_counts_are_told_and_compared_with_the_official_ones(downloads, tmp_path):
    counts, remarks = prepare_voc12(tmp_path / 'voc', downloads)
    assert counts == dict(train_aug=4, train=2, val=1, written=len(voc_files()) + 8)
    assert 'train_aug has 4 images; the official archives give 10582.' in remarks
    assert 'The labels of 5 images are from their XML boxes.' in remarks
    assert prepare_voc12(tmp_path / 'voc', tmp_path / 'nowhere')[0]['written'] == 0  # needs no archive any more


def test_what_was_deleted_comes_back(downloads, prepared, tmp_path):
    out = tmp_path / 'voc'
    prepare_voc12(out, downloads)
    for name in ('JPEGImages/d.jpg', 'SegmentationClassAug/e.png', 'SegmentationClassAug/a.png',
                 'ImageSets/Segmentation/aug.txt'):
        (out / name).unlink()
    assert prepare_voc12(out, downloads)[0]['written'] == 3
    assert content(out) == content(prepared)


@pytest.mark.parametrize('renames', [1, 2, 9, 17, 24, 25, 28, 30])
def test_a_killed_run_continues(downloads, prepared, tmp_path, renames):
    stopped_and_restarted(lambda out: prepare_voc12(out, downloads), tmp_path / 'voc', content(prepared), renames)


def test_unpacked_folders_give_the_same(prepared, tmp_path):
    write_folder(tmp_path / 'VOCdevkit' / 'VOC2012', voc_files())
    write_folder(tmp_path / 'benchmark_RELEASE' / 'dataset', sbd_files())
    prepare_voc12(tmp_path / 'out', tmp_path)
    assert content(tmp_path / 'out') == content(prepared)
    image = 'JPEGImages/a.jpg'
    assert (tmp_path / 'out' / image).samefile(tmp_path / 'VOCdevkit' / 'VOC2012' / image)


def test_in_place(prepared, tmp_path):
    out = write_folder(tmp_path / 'VOCdevkit' / 'VOC2012', voc_files())
    write_folder(tmp_path / 'benchmark_RELEASE' / 'dataset', sbd_files())
    prepare_voc12(out, tmp_path)
    assert content(out) == content(prepared)


def test_masks_in_the_way_are_refused(downloads, tmp_path):
    out = write_folder(tmp_path, {**voc_files(), 'SegmentationClassAug/a.png': png(sbd_mask('a'))})
    with pytest.raises(InputError, match='SegmentationClassAug holds files that were not made here'):
        prepare_voc12(out, downloads)


def test_labels_come_from_the_mask_without_xml(tmp_path):
    files = voc_files()
    del files['Annotations/d.xml'], files['Annotations/c.xml']
    write_voc(tmp_path, voc=files)
    _, remarks = prepare_voc12(tmp_path / 'voc', tmp_path)
    labels = read_json(tmp_path / 'voc' / 'image_labels.json', 'labels')
    assert labels['d'] == ['boat'] and labels['c'] == ['bird']
    assert 'The labels of 3 images are from their XML boxes, of 2 from their masks (d, c).' in remarks



@pytest.mark.parametrize(('voc', 'sbd', 'sentence'), [
    ({'SegmentationClass/b.png': png(voc_mask('b'), 'RGB')}, {},
     'The mask VOCdevkit/VOC2012/SegmentationClass/b.png in .*tar has mode RGB'),
    ({'SegmentationClass/b.png': png(voc_mask('b') + 30)}, {},
     'b.png in .* has the values 29, 30, 32; class indices go from 0 to 20'),
    ({'JPEGImages/d.jpg': jpeg()[:300]}, {}, 'The image VOCdevkit/VOC2012/JPEGImages/d.jpg in .* cannot be decoded'),
    ({'JPEGImages/d.jpg': None}, {}, 'dataset/cls/d.mat in .* is the mask of an image that VOC 2012 does not have'),
    ({'SegmentationClass/c.png': None}, {}, '1 of 3 masks of .*tar are missing: .*c.png. the download is incomplete'),
    ({'ImageSets/Segmentation/val.txt': None}, {}, 'tar holds no VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt'),
    ({'Annotations/d.xml': b'<annotation>'}, {}, 'd.xml is not valid XML'),
    ({'Annotations/d.xml': xml(['unicorn'])}, {}, 'd.xml names unicorn, no class of VOC 2012'),
    ({}, {'cls/d.mat': b'MATLAB?'}, 'cls/d.mat in .*benchmark.tgz is no mask of SBD'),
    ({}, {'cls/d.mat': mat(np.zeros((3, 3), np.uint8))}, 'cls/d.mat in .* has 3 x 3 pixels, its image 24 x 16'),
    ({}, {'cls/d.mat': mat(np.full((16, 24), 21, np.uint8))}, 'cls/d.mat in .* has the values 21'),
    ({}, {'cls/d.mat': None}, '1 of 5 masks of .*benchmark.tgz are missing: .*d.png'),
    ({}, {'val.txt': None}, 'benchmark.tgz holds no benchmark_RELEASE/dataset/val.txt'),
    ({}, {'train.txt': b'a\nz\n'}, 'of 5 images of .* are missing: .*z.jpg'),
])
def test_faults_are_named_and_leave_no_labels(tmp_path, voc, sbd, sentence):
    changed = [{name: data for name, data in {**files, **changes}.items() if data is not None}
               for files, changes in ((voc_files(), voc), (sbd_files(), sbd))]
    write_voc(tmp_path, *changed)
    with pytest.raises(InputError, match=sentence):
        prepare_voc12(tmp_path / 'voc', tmp_path)
    assert not (tmp_path / 'voc' / 'image_labels.json').exists()


@pytest.mark.parametrize('left', [0.3, 0.7, 0.95])
def test_truncated_archives_are_named_and_a_good_one_goes_on(prepared, downloads, tmp_path, left):
    write_voc(tmp_path)
    for name in ('VOCtrainval_11-May-2012.tar', 'benchmark.tgz'):
        data = (tmp_path / name).read_bytes()
        # a tar ends with empty blocks that nobody misses
        length = int(len(data.rstrip(b'\0')) * left) if name.endswith('tar') else int(len(data) * left)
        (tmp_path / name).write_bytes(data[:length])
        with pytest.raises(InputError, match=name):
            prepare_voc12(tmp_path / 'voc', tmp_path)
        (tmp_path / name).write_bytes(data)
    prepare_voc12(tmp_path / 'voc', tmp_path)
    assert content(tmp_path / 'voc') == content(prepared)


def test_missing_archives_are_named_before_any_work(tmp_path):
    with pytest.raises(InputError, match='holds neither VOCtrainval_11-May-2012.tar nor, unpacked, VOCdevkit/VOC2012'):
        prepare_voc12(tmp_path / 'voc', tmp_path)
    write_voc(tmp_path)
    (tmp_path / 'benchmark.tgz').unlink()
    with pytest.raises(InputError, match='neither benchmark.tgz nor.*Semantic Boundaries Dataset.*--sbd'):
        prepare_voc12(tmp_path / 'voc', tmp_path)
    assert not (tmp_path / 'voc' / 'JPEGImages').exists()


def test_without_scipy_a_sentence_says_so(downloads, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy.io', None)
    with pytest.raises(InputError, match='need scipy: pip install scipy'):
        prepare_voc12(tmp_path, downloads)


def test_labels_with_a_gap_are_made_again(downloads, prepared, tmp_path):
    out = tmp_path / 'voc'
    prepare_voc12(out, downloads)
    (out / 'image_labels.json').write_text(json.dumps({'a': []}))
    prepare_voc12(out, downloads)
    assert content(out) == content(prepared)
