"""What is wrong with a config is said before training starts, with the key to change."""
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmfbr.engine import check_config, train
from mmfbr.files import InputError
from mmfbr.tool import run_tool

BACKBONE = dict(type='ResNet', depth=18, stem_channels=4, base_channels=2, out_indices=(3, ))


def config(classes=('background', 'cow', 'boat'), num_classes=3, **changes):
    model = dict(type='CAMSegmentor', data_preprocessor=dict(type='CAMDataPreprocessor'), backbone=dict(BACKBONE),
                 decode_head=dict(type='CAMHead', in_channels=16, in_index=0, num_classes=num_classes))
    data = dict(dataset=dict(type='ImageLabelDataset', metainfo=dict(classes=classes)))
    return Config(dict(dict(default_scope='mmseg', model=model, train_dataloader=data), **changes))


def pretrained(path, **more):
    good = config()
    good.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(path), **more)
    return good


@pytest.fixture(scope='module')
def state():
    init_default_scope('mmseg')
    return MODELS.build(BACKBONE).state_dict()


def saved(path, content):
    torch.save(content, path)
    return path


# Classes

def test_good_config_passes():
    check_config(config())


@pytest.mark.parametrize('wrap', [
    lambda dataset: dataset,
    lambda dataset: dict(type='RepeatDataset', times=2, dataset=dict(type='Other', dataset=dataset)),
])
def test_class_count_mismatch_names_the_key(wrap):
    wrong = config(num_classes=21)
    wrong.train_dataloader.dataset = wrap(wrong.train_dataloader.dataset.to_dict())
    with pytest.raises(InputError, match='model.decode_head.num_classes is 21, but the training data has 3 classes'):
        check_config(wrong)


@pytest.mark.parametrize(('heads', 'words'), [
    (dict(bbox_head=dict(num_classes=2)), None),
    (dict(bbox_head=dict(num_classes=80)), 'model.bbox_head has 80 classes, but the training data has 2'),
    (dict(roi_head=dict(bbox_head=[dict(num_classes=2), dict(num_classes=3)])), 'model.roi_head.bbox_head has 3'),
    (dict(roi_head=dict(bbox_head=dict(num_classes=2), mask_head=dict(num_classes=80))), 'roi_head.mask_head has 80'),
    (dict(roi_head=dict(bbox_head=dict(), mask_head=dict(num_classes=1, class_agnostic=True))), None),
    (dict(panoptic_head=dict(num_things_classes=1, num_stuff_classes=1)), None),
    (dict(panoptic_head=dict(num_things_classes=2, num_stuff_classes=1)), 'model.panoptic_head has 3'),
])
def test_heads_of_a_detector_are_checked(heads, words):
    data = dict(dataset=dict(type='CocoDataset', metainfo=dict(classes=('cow', 'boat'))))
    made = Config(dict(default_scope='mmdet', train_dataloader=data, model=dict(
        type='FBRDetector', base='MaskRCNN', backbone=BACKBONE, **heads)))
    if words is None:
        check_config(made)
    else:
        with pytest.raises(InputError, match=words):
            check_config(made)


def test_each_head_of_a_cascade_is_checked():
    cascade = config()
    cascade.model.decode_head = [dict(type='CAMHead', num_classes=3), dict(type='CAMHead', num_classes=4)]
    with pytest.raises(InputError, match='num_classes is 4'):
        check_config(cascade)


def test_config_that_says_nothing_of_classes_passes():
    for silent in (config(train_dataloader=None), config(train_dataloader=dict(dataset=dict(type='VOCDataset')))):
        check_config(silent)


# Pretrained weights

@pytest.mark.parametrize(('prefix', 'more'), [
    ('', {}), ('backbone.', dict(prefix='backbone')), ('backbone.', dict(prefix='backbone.')),
])
def test_weights_of_the_backbone_pass(tmp_path, state, prefix, more):
    content = {f'{prefix}{key}': value for key, value in state.items()}
    if prefix:
        content['backbone2.conv1.weight'] = content['fc.weight'] = torch.ones(1)
    check_config(pretrained(saved(tmp_path / 'good.pth', dict(state_dict=content)), **more))


def test_missing_weights_are_named_with_their_key(tmp_path):
    with pytest.raises(InputError, match=r'pretrained weights \(model.backbone.init_cfg.checkpoint\) .*none.pth'):
        check_config(pretrained(tmp_path / 'none.pth'))


@pytest.mark.parametrize('more', [{}, dict(prefix='backbone')])
def test_weights_of_another_network_are_refused(tmp_path, more):
    path = saved(tmp_path / 'other.pth', dict(encoder=torch.ones(1)))
    with pytest.raises(InputError, match='other.pth: none of its keys is one of the model .* another network'):
        check_config(pretrained(path, **more))


def test_weights_of_another_shape_are_refused(tmp_path, state):
    wide = {**state, 'conv1.weight': torch.ones(64, 3, 7, 7)}
    with pytest.raises(InputError, match=r"1 tensors have another shape .*'conv1.weight' with \(64, 3, 7, 7\) against"):
        check_config(pretrained(saved(tmp_path / 'wide.pth', wide)))


def test_weights_of_a_network_inside_the_backbone_are_checked(tmp_path, state):
    def hybrid(path):
        made, init = config(), dict(type='Pretrained', checkpoint=str(path))
        made.model.backbone = dict(type='HybridVisionTransformer', cnn={**BACKBONE, 'init_cfg': init}, cnn_channels=16,
                                   embed_dims=8, num_layers=1, num_heads=1)
        return made
    check_config(hybrid(saved(tmp_path / 'good.pth', state)))
    with pytest.raises(InputError, match=r'\(model.backbone.cnn.init_cfg.checkpoint\) .*other.pth: none of its keys'):
        check_config(hybrid(saved(tmp_path / 'other.pth', dict(encoder=torch.ones(1)))))


def test_weights_from_the_net_are_left_to_the_mm_packages():
    check_config(pretrained('torchvision://resnet18'))
    check_config(config(load_from='https://host/none.pth'))


# A start from a checkpoint

def test_load_from_is_checked_as_a_whole(tmp_path, state):
    model = {f'backbone.{key}': value for key, value in state.items()}
    check_config(config(load_from=str(saved(tmp_path / 'good.pth', model))))
    with pytest.raises(InputError, match=r'The checkpoint \(load_from\) .*none.pth does not exist'):
        check_config(config(load_from=str(tmp_path / 'none.pth')))
    with pytest.raises(InputError, match=r'The checkpoint \(load_from\) .*bare.pth: none of its keys'):
        check_config(config(load_from=str(saved(tmp_path / 'bare.pth', state))))
    wrong = {**model, 'decode_head.classifier.weight': torch.ones(20, 16, 1, 1)}
    with pytest.raises(InputError, match=r"wrong.pth: 1 tensors have another shape .*'decode_head.classifier.weight'"):
        check_config(config(load_from=str(saved(tmp_path / 'wrong.pth', wrong))))


# The tools

def test_amp_without_a_gpu_ends_in_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    path = tmp_path / 'any.py'
    config(optim_wrapper=dict(type='OptimWrapper')).dump(path)
    with pytest.raises(SystemExit) as stop:
        run_tool(train, path, amp=True)
    assert stop.value.code == 2
    assert capsys.readouterr().err == ('error: --amp needs a GPU: on the CPU mmengine has no mixed precision training. '
                                       'Leave the flag out.\n')


def test_missing_config_ends_in_a_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run_tool(train, tmp_path / 'none.py')
    assert stop.value.code == 2
    assert capsys.readouterr().err == f'error: The config {tmp_path / "none.py"} does not exist.\n'


# Lists, images and masks of mmseg's data sets

@pytest.fixture
def masked(tmp_path):
    """A config whose training and validation are one image with its mask."""
    for name in ('images/a.jpg', 'masks/a.png'):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / 'list.txt').write_text('a\n')
    made = config()
    data = dict(type='BaseSegDataset', data_root=str(tmp_path), ann_file='list.txt',
                metainfo=dict(classes=('x', 'y', 'z')),
                data_prefix=dict(img_path='images', seg_map_path='masks'))
    made.train_dataloader = made.val_dataloader = dict(dataset=data)
    return made


def test_images_and_masks_of_a_list_must_exist(masked, tmp_path):
    check_config(masked)
    (tmp_path / 'list.txt').write_text('a\nb\n')
    with pytest.raises(InputError, match=r'1 of the 2 images of list.txt are not in .*images '
                                         r'\(train_dataloader.dataset.data_prefix.img_path\), first b.jpg'):
        check_config(masked)
    (tmp_path / 'images' / 'b.jpg').touch()
    masked.train_dataloader = dict(dataset=dict(type='RepeatDataset', times=1, dataset=masked.train_dataloader.dataset))
    with pytest.raises(InputError, match=r'masks of list.txt are not in .*data_prefix.seg_map_path\), first b.png'):
        check_config(masked)
    (tmp_path / 'list.txt').unlink()
    with pytest.raises(InputError, match=r'The image list \(train_dataloader.dataset.ann_file\) .* does not exist'):
        check_config(masked)


def test_masks_of_validation_are_checked_too(masked, tmp_path):
    masked.val_dataloader.dataset.data_prefix.seg_map_path = 'elsewhere'
    with pytest.raises(InputError, match='val_dataloader.dataset.data_prefix.seg_map_path'):
        check_config(masked)


def test_classes_of_mmseg_s_own_data_sets_are_counted():
    voc = config(num_classes=3)
    voc.train_dataloader = dict(dataset=dict(type='PascalVOCDataset'))
    with pytest.raises(InputError, match='the training data has 21 classes'):
        check_config(voc)


def test_classes_of_a_file_are_counted(tmp_path):
    (tmp_path / 'classes.txt').write_text('background\ncow\n')
    with pytest.raises(InputError, match='the training data has 2 classes'):
        check_config(config(classes=str(tmp_path / 'classes.txt')))


def test_position_embeddings_may_have_another_size(tmp_path):
    vit = config()
    vit.model.backbone = dict(type='VisionTransformer', img_size=(64, 64), patch_size=16, embed_dims=8, num_layers=1,
                              num_heads=1, out_indices=(0, ))
    init_default_scope('mmseg')
    state = MODELS.build({**vit.model.backbone, 'img_size': (32, 32)}).state_dict()
    vit.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(saved(tmp_path / 'vit.pth', state)))
    check_config(vit)  # mmseg resizes them when it loads the file
    saved(tmp_path / 'vit.pth', {**state, 'cls_token': torch.zeros(1, 1, 9)})
    with pytest.raises(InputError, match='cls_token'):
        check_config(vit)
