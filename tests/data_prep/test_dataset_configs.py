"""The shipped data set configs build on what prepare_data.py makes, and their pipelines run."""
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, METRICS, init_default_scope
from official_archives import jpeg, png, write_coco, write_voc

import mmfbr  # noqa: F401  (registers)
from mmfbr.data_prep import prepare_coco14, prepare_folder, prepare_voc12
from mmfbr.demo import write_demo
from mmfbr.files import read_json, read_lines
from mmfbr.image_files import write_mask

BASES = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'


@pytest.fixture(scope='module')
def roots(tmp_path_factory):
    """Prepared miniatures, and pseudo masks of class 1 for all of their training images."""
    root = tmp_path_factory.mktemp('data')
    prepare_voc12(root / 'voc12', write_voc(root / 'voc'))
    prepare_coco14(root / 'coco14', write_coco(root / 'coco'))
    write_demo(root / 'demo', size=64, train=8, val=2, test=2, background=0)
    msrc = Config.fromfile(BASES / 'msrc.py')
    for name in ('trainval', 'val', 'test'):
        (root / 'msrc' / 'ImageSets').mkdir(parents=True, exist_ok=True)
        (root / 'msrc' / 'ImageSets' / f'{name}.txt').write_text('x\n')
    (root / 'msrc' / 'JPEGImages').mkdir()
    (root / 'msrc' / 'SegmentationClass').mkdir()
    (root / 'msrc' / 'JPEGImages' / 'x.jpg').write_bytes(jpeg((80, 60)))
    (root / 'msrc' / 'SegmentationClass' / 'x.png').write_bytes(png(np.zeros((60, 80))))
    (root / 'msrc' / 'image_labels.json').write_text(f'{{"x": {list(msrc.classes[1:])}}}'.replace("'", '"'))
    lists = dict(voc12='Segmentation/train_aug', coco14='train', demo='trainval', msrc='trainval')
    for name, listed in lists.items():
        for image in read_lines(root / name / 'ImageSets' / f'{listed}.txt', 'list'):
            shape = dict(demo=(64, 64), msrc=(60, 80)).get(name, (16, 24))
            write_mask(root / 'pseudo' / name / f'{image}.png', np.full(shape, 1), [(0, 0, 0), (9, 9, 9)])
    return root


def load(name, roots, monkeypatch):
    data_set = name.removesuffix('_seg')
    variable = dict(voc12='VOC_ROOT', coco14='COCO14_ROOT', demo='DEMO_ROOT', msrc='MSRC_ROOT')[data_set]
    monkeypatch.setenv(variable, str(roots / data_set))
    monkeypatch.setenv('PSEUDO_MASKS', str(roots / 'pseudo' / data_set))
    init_default_scope('mmseg')
    return Config.fromfile(BASES / f'{name}.py')


@pytest.mark.parametrize(('name', 'count', 'num_classes'), [('voc12', 4, 21), ('coco14', 2, 81), ('msrc', 1, 16)])
def test_image_label_bases(roots, monkeypatch, name, count, num_classes):
    config = load(name, roots, monkeypatch)
    train, test = (DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'test'))
    assert len(train) == count and len(train.metainfo['classes']) == len(train.metainfo['palette']) == num_classes
    assert train.metainfo['palette'][0] == [0, 0, 0]
    for index in range(len(train)):
        item = train[index]
        assert item['inputs'].shape[0] == 3 and item['data_samples'].gt_label.multi_hot.shape == (num_classes, )
        assert 'gt_sem_seg' not in item['data_samples']
    for index in range(len(test)):
        sample = test[index]['data_samples']
        assert sample.gt_sem_seg.data.shape[1:] == sample.ori_shape and sample.gt_sem_seg.data.max() <= 255
    assert [METRICS.build(evaluator) for evaluator in config.test_evaluator]


@pytest.mark.parametrize('name', ['voc12', 'coco14'])
def test_class_names_of_a_config_are_those_of_the_labels(roots, monkeypatch, name):
    """The miniature of COCO has made-up names: the official ones are compared with mmdet's."""
    classes = load(name, roots, monkeypatch).classes
    if name == 'voc12':
        assert list(classes) == read_lines(roots / name / 'classes.txt', 'classes')
    else:
        mmdet = pytest.importorskip('mmdet.datasets')
        assert classes[1:] == mmdet.CocoDataset.METAINFO['classes']


@pytest.fixture(autouse=True)
def _names_of_the_miniature(roots):
    """The config's names for the miniature's categories."""
    path = roots / 'coco14' / 'image_labels.json'
    text = path.read_text()
    made_up = read_lines(roots / 'coco14' / 'classes.txt', 'classes')
    for old, new in sorted(zip(made_up[1:], Config.fromfile(BASES / 'coco14.py').classes[1:], strict=True),
                           key=lambda pair: -len(pair[0])):
        text = text.replace(f'"{old}"', f'"{new}"')
    path.write_text(text)


@pytest.mark.parametrize(('name', 'counts', 'num_classes', 'crop'), [
    ('voc12_seg', (4, 1, 1), 21, 512), ('coco14_seg', (2, 2, 2), 81, 512), ('msrc_seg', (1, 1, 1), 16, 256),
    ('demo_seg', (10, 2, 2), 5, 128)])
def test_segmentation_bases(roots, monkeypatch, name, counts, num_classes, crop):
    config = load(name, roots, monkeypatch)
    parts = [DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'val', 'test')]
    assert tuple(map(len, parts)) == counts
    assert {len(part.metainfo['classes']) for part in parts} == {num_classes}
    for index in range(counts[0]):
        item = parts[0][index]
        label = item['data_samples'].gt_sem_seg.data
        assert set(label.unique().tolist()) <= {1, 255} and (label == 1).any()  # the pseudo mask, not the ground truth
        assert label.shape[1:] == item['inputs'].shape[1:] and max(label.shape) <= crop
    for part in parts[1:]:
        for index in range(len(part)):
            sample = part[index]['data_samples']
            truth = roots / name.removesuffix('_seg') / 'SegmentationClass'
            assert Path(sample.seg_map_path).parent == truth and sample.gt_sem_seg.data.shape[1:] == sample.ori_shape
    for evaluator in (config.val_evaluator, config.test_evaluator):
        assert evaluator.type == 'IoUMetric' and METRICS.build(evaluator)
    assert config.val_cfg.type == 'ValLoop' and config.test_cfg.type == 'TestLoop'


def test_folder_base(tmp_path):
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'masks').mkdir()
    for number in range(8):
        (tmp_path / 'photos' / f'{number}.jpg').write_bytes(jpeg((40, 30), number))
        (tmp_path / 'masks' / f'{number}.png').write_bytes(png(np.full((30, 40), 1)))
    (tmp_path / 'labels.csv').write_text('image,cow\n' + ''.join(f'{number},1\n' for number in range(8)))
    (tmp_path / 'classes.txt').write_text('cow\n')
    prepare_folder(tmp_path / 'out', tmp_path / 'photos', tmp_path / 'labels.csv', tmp_path / 'classes.txt',
                   tmp_path / 'masks', val=0.25)
    init_default_scope('mmseg')
    config = Config.fromfile(tmp_path / 'out' / 'config.py')
    train, val, test = (DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'val', 'test'))
    assert [len(train), len(val), len(test)] == [6, 2, 2]
    assert train[0]['inputs'].shape == (3, 256, 256)
    assert train[0]['data_samples'].gt_label.multi_hot.tolist() == [True, True]
    assert 'gt_sem_seg' not in val[0]['data_samples'] and test[0]['data_samples'].gt_sem_seg.data.shape == (1, 30, 40)
    assert read_json(tmp_path / 'out' / 'image_labels.json', 'labels') == {str(n): ['cow'] for n in range(8)}
