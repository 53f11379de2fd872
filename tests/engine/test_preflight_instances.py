"""What is wrong with a detector's COCO files is said before training starts."""
import importlib.util
import json
from copy import deepcopy
from unittest import mock

import pytest
from mmengine.config import Config

from mmfbr.engine import check_config
from mmfbr.files import InputError


def item(number, image=1, category=1, **more):
    return dict(id=number, image_id=image, category_id=category, bbox=[1, 1, 4, 4], area=16, iscrowd=0,
                segmentation=[[1, 1, 5, 1, 5, 5, 1, 5]]) | more


@pytest.fixture
def case(tmp_path):
    """(config, content of its file, function that writes the file and checks the config)."""
    content = dict(images=[dict(id=1, file_name='a.jpg', height=9, width=9),
                           dict(id=2, file_name='b.jpg', height=9, width=9)],
                   categories=[dict(id=1, name='cow'), dict(id=7, name='car')], annotations=[item(1), item(2, 1, 7)])
    for name in 'ab':
        (tmp_path / f'{name}.jpg').touch()
    data = dict(dataset=dict(
        type='CocoDataset', ann_file=str(tmp_path / 'file.json'), data_prefix=dict(img=str(tmp_path)),
        metainfo=dict(classes=('cow', 'car')), pipeline=[dict(type='LoadAnnotations', with_mask=True)]))
    config = Config(dict(default_scope='mmdet', train_dataloader=data, model=dict(type='MaskRCNN', roi_head=dict(
        bbox_head=[dict(num_classes=2), dict(num_classes=2)], mask_head=dict(num_classes=2)),
        rpn_head=dict(num_classes=1))))

    def check():
        (tmp_path / 'file.json').write_text(json.dumps(content))
        check_config(config)
    return config, content, check


def test_good_file_passes_an_image_without_instances_included(case):
    with mock.patch('mmfbr.engine.preflight_instances.print_log') as said:
        case[2]()
    assert not said.called


@pytest.mark.parametrize(('damage', 'sentence'), [
    (lambda c: c['annotations'].append(item(3, 9)), '1 annotations of images that they do not list, first of image 9'),
    (lambda c: c['annotations'].append(item(3, 1, 5)), 'annotations of the category 5, which they do not list'),
    (lambda c: c['categories'].append(dict(id=8, name='cat')) or c['annotations'].append(item(3, 1, 8)),
     r"1 annotations of the category 'cat', which is no class of the config \(metainfo.classes\); mmdet would drop"),
    (lambda c: c['categories'].reverse(), 'have the classes in another order than the config; mmdet counts labels'),
    (lambda c: c['categories'].pop() and c['annotations'].pop(), "lack the class 'car'; mmdet counts labels"),
    (lambda c: c['images'][1].update(file_name='z.jpg'), 'file.json .*: 1 of the 2 images are not in .*, first z.jpg'),
    (lambda c: c['images'].clear() or c['annotations'].clear(), 'name no image'),
    (lambda c: c.pop('images'), "are no COCO annotation file: KeyError.'images'"),
    (lambda c: c['annotations'][1].pop('bbox'), 'annotation 2 lacks its bbox or its area'),
    (lambda c: c['annotations'][1].pop('segmentation'), 'annotation 2 has no segmentation, and the pipeline loads'),
])
def test_faults(case, damage, sentence):
    damage(case[1])
    with pytest.raises(InputError, match=sentence):
        case[2]()


def test_a_category_without_annotations_may_be_no_class(case):
    case[1]['categories'].append(dict(id=8, name='cat'))
    case[2]()


def test_boxes_need_no_masks(case):
    config, content, check = case
    del content['annotations'][1]['segmentation']
    config.train_dataloader.dataset.pipeline = [dict(type='LoadAnnotations', with_bbox=True)]
    check()


def test_what_does_not_take_part_is_counted(case):
    case[1]['annotations'] += [item(3, bbox=[1, 1, 0, 4]), item(4, bbox=[1, 1, 4, 0.5], area=0), item(5, area=0),
                               item(6, iscrowd=1, segmentation=dict(size=[9, 9], counts=[81]))]
    with mock.patch('mmfbr.engine.preflight_instances.print_log') as said:
        case[2]()
    sentence = said.call_args.args[0]
    assert '2 boxes narrower than a pixel, 1 masks without a pixel, 1 crowd regions, of 6 annotations' in sentence


def test_missing_files_name_the_command(case, tmp_path):
    config, _, check = case
    with pytest.raises(InputError, match=r'The annotations .*file.json \(train_dataloader.dataset.ann_file\) do '
                                         r'not exist.*tools/make_instances.py'):
        check_config(config)
    config.val_dataloader = deepcopy(config.train_dataloader)
    config.val_dataloader.dataset.ann_file = 'none.json'
    with pytest.raises(InputError, match=r'none.json \(val_dataloader.dataset.ann_file\) do not exist'):
        check()
    config.val_dataloader = None
    config.val_evaluator = dict(type='CocoMetric', ann_file='truth.json')
    with pytest.raises(InputError, match=r'truth.json \(val_evaluator.ann_file\) does not exist. Make it'):
        check()


def test_boxinst_needs_scikit_image(case, monkeypatch):
    config, _, check = case
    config.model.data_preprocessor = dict(type='BoxInstDataPreprocessor')
    monkeypatch.setattr('mmfbr.engine.preflight_instances.find_spec', lambda name: None)
    with pytest.raises(InputError, match='pip install scikit-image'):
        check()
    monkeypatch.setattr('mmfbr.engine.preflight_instances.find_spec', importlib.util.find_spec)
