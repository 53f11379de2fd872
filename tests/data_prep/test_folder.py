"""A folder of photographs: both forms of CSV, JSON, splits, masks, the config, and every mistake people make."""
import json
import os

import numpy as np
import pytest
from mmengine.config import Config
from official_archives import content, jpeg, killed, png

from mmfbr.data_prep import prepare_folder
from mmfbr.data_prep.label_table import read_label_table
from mmfbr.data_prep.split import split_images
from mmfbr.files import InputError, read_json, read_lines
from mmfbr.image_files import read_image

LABELS = {f'p{number}': [['cow'], ['boat'], ['boat', 'cow'], []][number % 4] for number in range(12)}
HOST = 'cam_resnet18_demo_fbr'
SEG = 'fcn_resnet18_demo_fbr'


@pytest.fixture
def photos(tmp_path):
    """Twelve JPEG files of 20 x 12 and a CSV of their labels."""
    (tmp_path / 'photos').mkdir()
    for number, image in enumerate(LABELS):
        (tmp_path / 'photos' / f'{image}.{"jpg" if number else "JPEG"}').write_bytes(jpeg((20, 12), number))
    (tmp_path / 'labels.csv').write_text('image,labels\n' + ''.join(f'{image}.jpg,{";".join(names)}\n'
                                                                    for image, names in LABELS.items()))
    return tmp_path


def prepare(root, **changes):
    usual = dict(images=root / 'photos', labels=root / 'labels.csv', val=0.25, config=HOST, seg_config=SEG)
    return prepare_folder(root / 'out', **{**usual, **changes})


def ids(root, name):
    return (root / 'out' / 'ImageSets' / f'{name}.txt').read_text().split()


def test_layout(photos):
    counts, remarks = prepare(photos)
    assert counts == dict(train=10, val=2, test=0, written=12) and remarks == []
    assert sorted(ids(photos, 'train') + ids(photos, 'val')) == sorted(LABELS) and ids(photos, 'test') == []
    assert read_json(photos / 'out' / 'image_labels.json', 'labels') == LABELS
    assert (photos / 'out' / 'classes.txt').read_text().split() == ['background', 'boat', 'cow']
    for image in LABELS:
        assert (photos / 'out' / 'JPEGImages' / f'{image}.jpg').samefile(next((photos / 'photos').glob(f'{image}.*')))


def test_again_changes_nothing_and_new_photographs_are_taken_in(photos):
    prepare(photos)
    before = content(photos / 'out')
    assert prepare(photos)[0]['written'] == 0 and content(photos / 'out') == before
    (photos / 'photos' / 'new.jpg').write_bytes(jpeg((20, 12), 99))
    with open(photos / 'labels.csv', 'a') as stream:
        stream.write('new,cow\n')
    os.unlink(photos / 'photos' / 'p3.jpg')
    (photos / 'photos' / 'p3.jpg').write_bytes(jpeg((20, 12), 98))
    assert prepare(photos)[0]['written'] == 2
    assert (photos / 'out' / 'JPEGImages' / 'p3.jpg').read_bytes() == jpeg((20, 12), 98)


@pytest.mark.parametrize('renames', [2, 7, 13, 15, 18, 19])
def test_a_killed_run_continues(photos, renames):
    assert killed(lambda: prepare(photos, link='copy'), renames)
    prepare(photos, link='copy')
    left = content(photos / 'out')
    os.rename(photos / 'out', photos / 'killed')
    prepare(photos, link='copy')
    assert left == content(photos / 'out')


def test_config_trains_these_classes_from_these_lists(photos):
    prepare(photos)
    config = Config.fromfile(photos / 'out' / 'config.py')
    data = config.train_dataloader.dataset
    assert data.metainfo.classes == ('background', 'boat', 'cow') and data.data_root == str((photos / 'out').resolve())
    assert config.model.decode_head.num_classes == 3
    assert config.train_cfg.max_iters == config.param_scheduler[-1].end == 200
    assert config.model.decode_head.loss_decode[1].warmup_iters == 50  # a quarter, as in the shipped config
    assert config.test_dataloader.dataset.ann_file == 'ImageSets/val.txt'  # without masks: image-level labels alone
    assert config.test_evaluator.type == 'ImageLabelMetric'


def test_config_without_validation_and_the_length_of_training(photos):
    prepare(photos, val=0.0)
    config = Config.fromfile(photos / 'out' / 'config.py')
    assert 'val_dataloader' not in config and 'test_dataloader' not in config and 'val_interval' not in config.train_cfg
    from mmfbr.data_prep.folder_config import folder_configs
    counts = dict(train=1600, val=10, test=10)
    for text in folder_configs(photos, ('background', 'cow'), '.png', counts, 0.6, HOST, SEG).values():
        assert "img_suffix='.png'" in text and 'max_iters=1200' in text and "'ImageSets/test.txt'" in text


def test_second_stage_reads_pseudo_masks_and_is_scored_only_where_there_are_masks(photos):
    prepare(photos)
    config = Config.fromfile(photos / 'out' / 'seg_config.py')
    data = config.train_dataloader.dataset
    assert data.data_prefix.seg_map_path == 'PseudoMasks' and data.ann_file == 'ImageSets/train.txt'
    assert {t.num_classes for t in data.pipeline if t.type == 'LoadCheckedAnnotations'} == {3}
    assert config.model.decode_head.num_classes == 3 and 'test_dataloader' not in config and 'val_cfg' not in config
    (photos / 'out' / 'seg_config.py').unlink()
    prepare(photos, **masks(photos))
    config = Config.fromfile(photos / 'out' / 'seg_config.py')
    assert config.test_dataloader.dataset.ann_file == 'ImageSets/test.txt' and config.train_cfg.val_interval == 50


def test_the_prior_is_the_share_of_the_labels(photos):
    prepare(photos)
    prior = Config.fromfile(photos / 'out' / 'config.py').model.decode_head.prior
    labels, train = read_json(photos / 'out' / 'image_labels.json', ''), read_lines(
        photos / 'out' / 'ImageSets' / 'train.txt', '')
    assert prior == pytest.approx(min(0.5, sum(len(labels[image]) for image in train) / len(train) / 2), abs=1e-3)


def test_an_edited_config_is_kept(photos):
    prepare(photos)
    (photos / 'out' / 'config.py').write_text('mine')
    assert 'config.py is kept as it was' in prepare(photos)[1][0]
    assert (photos / 'out' / 'config.py').read_text() == 'mine'


def test_mixed_kinds_become_jpeg_and_png_alone_stays(photos):
    (photos / 'photos' / 'p1.jpg').unlink()
    (photos / 'photos' / 'p1.png').write_bytes(png(np.full((12, 20), 1), 'RGB'))
    prepare(photos)
    colour = read_image(photos / 'out' / 'JPEGImages' / 'p1.jpg').mean((0, 1))
    assert colour.tolist() == pytest.approx([128, 0, 0], abs=3)
    assert prepare(photos)[0]['written'] == 0
    for path in (photos / 'photos').iterdir():
        path.unlink()
        path.with_suffix('.PNG').write_bytes(png(np.zeros((12, 20)), 'RGB'))
    prepare_folder(photos / 'two', photos / 'photos', photos / 'labels.csv', config=HOST)
    assert (photos / 'two' / 'JPEGImages' / 'p1.png').samefile(photos / 'photos' / 'p1.PNG')
    assert Config.fromfile(photos / 'two' / 'config.py').train_dataloader.dataset.img_suffix == '.png'


def masks(photos, **changes):
    (photos / 'masks').mkdir()
    (photos / 'classes.txt').write_text('cow\nboat\n')
    for number, image in enumerate(LABELS):
        mask = np.full((12, 20), dict(zip([('cow', ), ('boat', )], (1, 2), strict=True)).get(tuple(LABELS[image]), 0))
        mask[0] = 255
        (photos / 'masks' / f'{image}.png').write_bytes(changes.get(image, png(mask)) if number != 2 else png(mask))
    return dict(masks=photos / 'masks', classes=photos / 'classes.txt')


def test_masks_are_linked_and_make_the_test_list(photos):
    given = masks(photos)
    os.unlink(photos / 'masks' / 'p5.png')
    (photos / 'val.txt').write_text('p5.jpg\np6\n')
    (photos / 'train.txt').write_text('p0\np1.jpg\np2\n')
    counts, _ = prepare(photos, **given, train_list=photos / 'train.txt', val_list=photos / 'val.txt')
    assert counts == dict(train=3, val=2, test=1, written=5 + 4)
    assert ids(photos, 'test') == ['p6'] and ids(photos, 'train') == ['p0', 'p1', 'p2']
    assert (photos / 'out' / 'classes.txt').read_text().split() == ['background', 'cow', 'boat']


@pytest.mark.parametrize(('mask', 'sentence'), [
    (png(np.zeros((12, 20)), 'RGB'), 'masks/p4.png has mode RGB; class indices need a palette'),
    (png(np.zeros((20, 12))), 'masks/p4.png has 12 x 20 pixels, its image 20 x 12'),
    (png(np.full((12, 20), 3)), 'masks/p4.png has the values 3; class indices go from 0 to 2'),
])
def test_wrong_masks_are_named(photos, mask, sentence):
    with pytest.raises(InputError, match=sentence):
        prepare(photos, **masks(photos, p4=mask))


def test_masks_that_contradict_the_labels_are_remarked_on(photos):
    _, remarks = prepare(photos, **masks(photos, p4=png(np.full((12, 20), 2))))
    assert remarks == ['1 masks show classes that the labels of their images do not name: p4 (boat).']


def test_masks_need_a_class_list(photos):
    with pytest.raises(InputError, match='With --masks, --classes is needed'):
        prepare(photos, masks=masks(photos)['masks'])


@pytest.mark.parametrize(('name', 'text', 'sentence'), [
    ('l.csv', 'p0.jpg,cow\n', "begins with 'p0.jpg,cow'. Its first line must be \"image,labels\""),
    ('l.csv', 'image;labels\np0;cow\n', 'columns are separated by commas'),
    ('l.csv', '', "begins with ''"),
    ('l.csv', 'image,labels\n', 'has no image in it'),
    ('l.csv', 'image,labels\np0,cow,boat\n',
     "Line 2 of the labels file .* has 3 columns, the first line has 2: 'p0,cow,boat'"),
    ('l.csv', 'image,labels\n\n,cow\n', 'Line 3 of the labels file .* and no image'),
    ('l.csv', 'image,cow,boat\np0,1,yes\n', "Line 2 .* has 'yes' in the column 'boat'; it must be 0 or 1"),
    ('l.csv', 'image,cow,cow\np0,1,0\n', 'two columns of one name'),
    ('l.csv', 'image,labels\np0,cow\np0.jpg,boat\n', "image 'p0' twice: line 2 and line 3"),
    ('l.csv', 'image,labels\np0,background\n', 'labels image .p0. "background"'),
    ('l.csv', b'image,labels\np0,caf\xe9\n', 'is not UTF-8 text'),
    ('l.json', '[1]', 'must hold one object'),
    ('l.json', '{"p0": "cow"}', "must give image 'p0' a list of class names; it gives 'cow'"),
    ('l.txt', 'p0 cow', 'must end in .csv or .json'),
])
def test_wrong_tables_are_explained(tmp_path, name, text, sentence):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=sentence):
        read_label_table(tmp_path / name)


def test_the_three_forms_say_the_same(tmp_path):
    texts = {'a.csv': '\ufeffimage,labels\np0.JPG, cow ; boat\n\np1,\n"p,2",boat\n',
             'b.csv': 'Image,cow,boat\r\np0,1,1\r\np1.jpeg,0,0\r\n"p,2",0, 1\r\n',
             'c.json': json.dumps({'p0': ['cow', 'boat', 'cow'], 'p1.png': [], 'p,2': ['boat']})}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, newline='')
        assert read_label_table(tmp_path / name) == {'p0': ['cow', 'boat'], 'p1': [], 'p,2': ['boat']}, name


@pytest.mark.parametrize(('rows', 'changes', 'sentence'), [
    ('p99,cow\n', {}, 'names 1 images that are not in .*photos: p99. Correct the names'),
    (None, {}, '1 of 12 images in .*photos are not in the labels file .*: p11. Add a line for each'),
    ('', dict(val=1.0), 'The validation fraction is 1.0'),
    ('', dict(classes='cow\n'),
     r"labels outside of the class list .*classes: 'boat'; 'boat' is on 6 images \(p1, p2, p5 and 3 more\)"),
    ('', dict(classes='cow\nboats\nboat\n'), 'No image is labelled boats, so it cannot be learned'),
    ('', dict(classes='cow\nboats\n'), "Did you mean 'boats'"),
    ('', dict(classes='cow\ncow\nboat\n'), 'must name each class once'),
    ('', dict(train_list='p0\np1\n', val_list='p1\n'), '1 images are in .*train_list and in .*val_list: p1'),
    ('', dict(train_list='p0\np77\n'), '1 images of the list .*train_list have no labels: p77'),
    ('', dict(train_list='p0\np0\n'), 'names images twice: p0'),
    ('', dict(train_list='p0\np4\n'), 'No training image is labelled boat'),
    ('', dict(config='nothing'), 'No shipped config is called nothing'),
])
def test_mistakes_are_explained(photos, rows, changes, sentence):
    text = (photos / 'labels.csv').read_text()
    (photos / 'labels.csv').write_text(text.replace('p11.jpg,\n', '') if rows is None else text + rows)
    for name in {'classes', 'train_list', 'val_list'} & {*changes}:
        (photos / name).write_text(changes[name])
        changes = {**changes, name: photos / name}
    with pytest.raises(InputError, match=sentence):
        prepare(photos, **changes)
    assert not (photos / 'out' / 'image_labels.json').exists()


def test_unlabelled_images_can_be_left_out(photos):
    (photos / 'photos' / 'extra.jpg').write_bytes(jpeg())
    (photos / 'photos' / 'phone.heic').write_bytes(b'')
    counts, remarks = prepare(photos, skip_unlabelled=True)
    assert counts['train'] + counts['val'] == 12
    assert any('phone.heic' in remark for remark in remarks)
    assert any('1 images without labels' in remark for remark in remarks)


def test_all_damaged_images_are_named_at_once(photos):
    for name in ('p1.jpg', 'p7.jpg'):
        path = photos / 'photos' / name
        path.write_bytes(path.read_bytes()[:250])
    with pytest.raises(InputError, match='2 of 12 images are damaged.*p1.jpg.*p7.jpg'):
        prepare(photos)


def test_two_files_of_one_name_and_empty_folders_are_refused(photos):
    (photos / 'photos' / 'p1.png').write_bytes(png(np.zeros((12, 20)), 'RGB'))
    with pytest.raises(InputError, match='p1.jpg and .*p1.png differ only in their ending'):
        prepare(photos)
    (photos / 'empty').mkdir()
    with pytest.raises(InputError, match='empty holds no image'):
        prepare(photos, images=photos / 'empty')


def test_a_label_of_one_image_may_be_misspelt(photos):
    with open(photos / 'labels.csv', 'a') as stream:
        stream.write('p12,cwo\n')
    (photos / 'photos' / 'p12.jpg').write_bytes(jpeg((20, 12)))
    assert prepare(photos)[1][0].startswith('cwo: labels of a single image')
    assert 'p12' in ids(photos, 'train')


def test_split_keeps_shares_and_stays():
    kinds = [['a'], ['b'], ['a', 'b'], []]
    labels = {f'{number}': kinds[min(number % 5, 3)] if number else ['rare'] for number in range(100)}
    train, val = split_images(labels, 0.2)
    assert sorted(train + val) == sorted(labels) and 15 <= len(val) <= 20 and '0' in train
    for name in 'ab':
        total = sum(name in names for names in labels.values())
        assert 0.1 * total <= sum(name in labels[image] for image in val) <= 0.2 * total
    assert (train, val) == split_images(labels, 0.2) != split_images(labels, 0.2, seed=1)
    assert split_images(labels, 0.0) == (list(labels), [])
