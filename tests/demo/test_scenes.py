"""The demo data set keeps its promises: same arguments, same bytes; labels that agree; stuff where it is said to be."""
import json
import xml.etree.ElementTree as xml

import numpy as np
import pytest
from tool_modules import load_tool

from mmfbr.demo import CLASSES, CLASSES_ALL, OWN_STUFF, draw, write_demo
from mmfbr.demo.paint import around, cover, noise
from mmfbr.demo.scenes import VOID, cast
from mmfbr.evaluation import read_truth
from mmfbr.files import InputError, read_json, read_lines
from mmfbr.image_files import read_image, read_mask

COUNTS = dict(size=64, train=20, val=4, test=32, background=4)
FEW = dict(size=64, train=3, val=1, test=2, background=1)


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    """A data set that holds each class on its own stuff and away from it, alone and with a second one."""
    out = tmp_path_factory.mktemp('demo')
    assert write_demo(out, **COUNTS) == 60
    return out


@pytest.fixture(scope='module')
def tool():
    return load_tool('prepare_data')


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def masks(folder, name):
    kinds = ('SegmentationClass', 'SegmentationAll', 'SegmentationObject')
    return [read_mask(folder / kind / f'{name}.png') for kind in kinds]


def ids(folder):
    return list(read_json(folder / 'image_labels.json', 'labels'))


def ring(mask, reach=4):
    """The pixels within ``reach`` steps of ``mask`` and outside it."""
    grown = np.pad(mask, 1)
    for _ in range(reach):
        padded = np.pad(grown, 1)
        grown = grown | padded[2:, 1:-1] | padded[:-2, 1:-1] | padded[1:-1, 2:] | padded[1:-1, :-2]
    return grown[1:-1, 1:-1] & ~mask


def test_same_arguments_give_the_same_bytes(tmp_path):
    write_demo(tmp_path / 'a', **FEW)
    write_demo(tmp_path / 'b', **FEW)
    assert content(tmp_path / 'a') == content(tmp_path / 'b')


def test_another_seed_gives_other_pictures():
    assert not np.array_equal(draw(0, 'train', 0, 64).image, draw(1, 'train', 0, 64).image)


def test_a_longer_split_begins_with_the_shorter_one(tmp_path, demo):
    write_demo(tmp_path / 'few', **FEW)
    few, more = content(tmp_path / 'few'), content(demo)
    assert all(more[name] == data for name, data in few.items() if name.endswith(('.jpg', '.png', '.xml')))


def test_layout(demo):
    splits = {name: (demo / 'ImageSets' / f'{name}.txt').read_text().split()
              for name in ('train', 'val', 'trainval', 'test', 'background_only')}
    assert [len(splits[name]) for name in splits] == [20, 4, 24, 32, 4]
    assert splits['trainval'] == splits['train'] + splits['val']
    named = splits['trainval'] + splits['test'] + splits['background_only']
    assert named == ids(demo) and len(set(named)) == 60
    for folder, suffix in dict(JPEGImages='jpg', Annotations='xml', SegmentationClass='png', SegmentationAll='png',
                               SegmentationObject='png').items():
        assert sorted(path.name for path in (demo / folder).iterdir()) == sorted(f'{name}.{suffix}' for name in named)
    assert read_lines(demo / 'classes.txt', 'classes') == list(CLASSES)
    assert read_lines(demo / 'classes_all.txt', 'classes') == list(CLASSES_ALL)
    assert CLASSES_ALL[:4] == CLASSES[1:]


def test_masks_labels_and_boxes_agree(demo):
    labels = read_json(demo / 'image_labels.json', 'labels')
    for name in ids(demo):
        semantic, everything, instances = masks(demo, name)
        assert read_image(demo / 'JPEGImages' / f'{name}.jpg').shape == (64, 64, 3)
        assert semantic.shape == everything.shape == instances.shape == (64, 64)
        assert labels[name] == [CLASSES[index] for index in np.unique(semantic) if 0 < index < VOID]
        thing = (semantic > 0) & (semantic < VOID)
        assert np.array_equal(thing, (instances > 0) & (instances < VOID))
        assert np.array_equal(semantic == VOID, instances == VOID)
        assert np.array_equal(semantic == VOID, everything == VOID)
        assert np.array_equal(everything[thing], semantic[thing] - 1)
        assert (everything[semantic == 0] >= 4).all() and (everything[semantic == 0] < len(CLASSES_ALL)).all()
        root = xml.parse(demo / 'Annotations' / f'{name}.xml').getroot()
        assert root.findtext('filename') == f'{name}.jpg' and root.findtext('size/width') == '64'
        objects = root.findall('object')
        assert len(objects) == instances[thing].max(initial=0)
        for number, element in enumerate(objects, 1):
            mask = instances == number
            rows, columns = np.nonzero(mask)
            box = [int(element.findtext(f'bndbox/{side}')) for side in ('xmin', 'ymin', 'xmax', 'ymax')]
            assert box == [columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1]
            assert np.unique(semantic[mask]).tolist() == [CLASSES.index(element.findtext('name'))]
            assert 0.02 < mask.mean() < 0.35


def test_things_are_on_their_own_stuff_or_none_of_it_is_there(demo):
    on_own = read_json(demo / 'co_occurrence.json', 'co-occurrence')
    assert on_own.keys() == {name for name, things in read_json(demo / 'image_labels.json', 'labels').items() if things}
    assert all(on_own[name] for name in on_own if not name.startswith('test'))
    for name, at_home in on_own.items():
        _, everything, instances = masks(demo, name)
        for number in range(1, instances[instances < VOID].max() + 1):
            mask = instances == number
            own = CLASSES_ALL.index(OWN_STUFF[CLASSES_ALL[everything[mask][0]]])
            assert (own in everything) == at_home
            around_it = everything[ring(mask)]
            around_it = around_it[(around_it >= 4) & (around_it < VOID)]
            assert not at_home or np.mean(around_it == own) > 0.5


def test_training_images_show_a_neutral_region(demo):
    for name in read_lines(demo / 'ImageSets' / 'trainval.txt', 'list'):
        everything = masks(demo, name)[1]
        assert {CLASSES_ALL[index] for index in np.unique(everything) if index < VOID} & {'sand', 'wall', 'soil'}


def test_cast_is_balanced():
    train, test = ([cast(split, index) for index in range(96)] for split in ('train', 'test'))
    assert sum(len(things) == 2 for things, _ in train) == 24
    assert all(things.count(things[0]) == 1 and home for things, home in train)
    assert sum(home for _, home in test) == 48
    assert sum(home for things, home in test if len(things) == 2) == 12
    seen = [name for things, _ in train for name in things]
    assert {seen.count(name) for name in OWN_STUFF} == {30}


def test_mixed_training_scenes_are_as_those_of_the_test_split(tmp_path):
    mixed, test = ([cast(split, index, True) for index in range(96)] for split in ('train', 'test'))
    assert mixed == test and sum(home for _, home in mixed) == 48
    write_demo(tmp_path, size=64, train=6, val=0, test=0, background=1, mixed=True)
    on_own = read_json(tmp_path / 'co_occurrence.json', 'co-occurrence')
    assert set(on_own.values()) == {True, False}
    for name, at_home in on_own.items():
        everything, instances = masks(tmp_path, name)[1:]
        things = {CLASSES_ALL[everything[instances == number][0]]
                  for number in np.unique(instances) if 0 < number < VOID}
        assert all((CLASSES_ALL.index(OWN_STUFF[thing]) in everything) == at_home for thing in things)
    with pytest.raises(InputError, match='other settings'):
        write_demo(tmp_path, size=64, train=6, val=0, test=0, background=1)


def test_background_only_images_have_no_label(demo):
    labels = read_json(demo / 'image_labels.json', 'labels')
    names = read_lines(demo / 'ImageSets' / 'background_only.txt', 'list')
    assert all(labels[name] == [] and not masks(demo, name)[0].any() for name in names)


def test_continues_an_interrupted_run(tmp_path):
    write_demo(tmp_path, **FEW)
    whole = content(tmp_path)
    assert write_demo(tmp_path, **FEW) == 0
    for path in ('JPEGImages/train_0002.jpg', 'Annotations/train_0002.xml', 'SegmentationAll/test_0001.png',
                 'ImageSets/train.txt', 'image_labels.json'):
        (tmp_path / path).unlink()
    kept = (tmp_path / 'JPEGImages' / 'train_0000.jpg').stat().st_mtime_ns
    assert write_demo(tmp_path, **FEW) == 2
    assert content(tmp_path) == whole
    assert (tmp_path / 'JPEGImages' / 'train_0000.jpg').stat().st_mtime_ns == kept


def test_lists_appear_only_when_all_images_are_there(tmp_path):

    def stop_after_two(images):
        yield from images[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path, **FEW, progress=stop_after_two)
    assert not (tmp_path / 'ImageSets').exists() and not (tmp_path / 'image_labels.json').exists()
    assert write_demo(tmp_path, **FEW) == 5


def test_other_settings_are_refused_and_overwritten_on_demand(tmp_path):
    write_demo(tmp_path, **FEW)
    with pytest.raises(InputError, match='--overwrite'):
        write_demo(tmp_path, **{**FEW, 'seed': 5})
    (tmp_path / 'notes.txt').write_text('mine')
    fewer = {**FEW, 'seed': 5, 'train': 1}
    assert write_demo(tmp_path, **fewer, overwrite=True) == 5
    write_demo(tmp_path / 'fresh', **fewer)
    fresh, replaced = content(tmp_path / 'fresh'), content(tmp_path)
    assert replaced.pop('notes.txt') == b'mine'
    assert {name: data for name, data in replaced.items() if not name.startswith('fresh/')} == fresh


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / 'JPEGImages').mkdir()
    with pytest.raises(InputError, match='other files'):
        write_demo(tmp_path, **FEW)


@pytest.mark.parametrize('wrong', [dict(size=32), dict(size=5000), dict(seed=-1), dict(val=-1),
                                   dict(train=0, val=0, test=0, background=0)])
def test_arguments_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(InputError):
        write_demo(tmp_path / 'demo', **{**FEW, **wrong})
    assert not (tmp_path / 'demo').exists()


def test_a_split_may_be_empty(tmp_path):
    write_demo(tmp_path, size=64, train=1, val=0, test=0, background=0)
    assert (tmp_path / 'ImageSets' / 'val.txt').read_text() == ''
    assert json.loads((tmp_path / 'image_labels.json').read_text()) == {'train_0000': ['train']}


def test_command(tool, tmp_path, capsys):
    command = f'demo --out {tmp_path / "demo"} --size 64 --train 2 --val 0 --test 0 --background 0'.split()
    assert tool.main(command) == 0 and '2 of them drawn' in capsys.readouterr().out
    assert tool.main(command) == 0 and 'already' in capsys.readouterr().out
    assert tool.main([*command, '--seed', '1']) == 2
    error = capsys.readouterr().err
    assert '--overwrite' in error and error.count('\n') == 1
    (tmp_path / 'file').touch()
    assert tool.main(['demo', '--out', str(tmp_path / 'file')]) == 2
    with pytest.raises(SystemExit) as stop:
        tool.main(['demo', '--out', 'x', '--size', 'large'])
    assert stop.value.code == 2


def test_cover_measures_areas_and_windows_cut_them_out():
    square = [np.array([(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)])]
    whole = cover(32, square)
    assert whole.shape == (32, 32) and whole[8:24, 8:24].min() == 1 and whole.sum() == pytest.approx(256, rel=0.05)
    window = around(32, square)
    assert np.array_equal(cover(32, square, window), whole[window])
    assert whole[window].sum() == whole.sum()


@pytest.mark.parametrize('cell, octaves', [(1, 4), (3, 2), (20, 4), (90, 1)])
def test_noise_is_about_normal(cell, octaves):
    field = noise(np.random.default_rng(0), (128, 100), cell, octaves)
    assert field.shape == (128, 100) and field.dtype == np.float32
    assert 0.4 < field.std() < 1.4


def test_instances_are_the_object_masks(tmp_path):
    pytest.importorskip('pycocotools')
    write_demo(tmp_path, size=64, train=3, val=1, test=0, background=0)
    truth = read_truth(tmp_path / 'annotations' / 'instances_trainval.json')
    assert list(truth.categories.values()) == list(CLASSES[1:]) and len(truth.images) == 4
    found = sum(len(masks) for masks in truth.instances.values())
    numbers = [np.unique(read_mask(path)) for path in (tmp_path / 'SegmentationObject').iterdir()]
    assert found == sum(((values > 0) & (values < 255)).sum() for values in numbers) > 0
    assert sorted(path.stem for path in (tmp_path / 'annotations').iterdir()) == [
        'instances_train', 'instances_trainval', 'instances_val']  # nothing is in test
    before = {path: path.read_bytes() for path in (tmp_path / 'annotations').iterdir()}
    (tmp_path / 'annotations' / 'instances_val.json').unlink()
    assert write_demo(tmp_path, size=64, train=3, val=1, test=0, background=0) == 0
    assert before == {path: path.read_bytes() for path in (tmp_path / 'annotations').iterdir()}
