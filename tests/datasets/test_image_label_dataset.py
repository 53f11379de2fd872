"""`ImageLabelDataset` and its pipeline steps: labels of the whole image, no mask opened, every fault named."""
import json

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image

from mmfbr.files import InputError
from mmfbr.image_files import write_saliency

CLASSES = ('background', 'cow', 'boat')
LABELS = {'a': ['cow'], 'b': [], 'c': ['boat', 'cow']}


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


@pytest.fixture
def root(tmp_path):
    """Three images of 40 x 60, the left half of 'a' white; a list of them and their labels. No mask anywhere."""
    (tmp_path / 'images').mkdir()
    for image in LABELS:
        pixels = np.zeros((40, 60, 3), np.uint8)
        pixels[:, :30] = 255
        Image.fromarray(pixels).save(tmp_path / 'images' / f'{image}.jpg')
    (tmp_path / 'labels.json').write_text(json.dumps(LABELS))
    (tmp_path / 'list.txt').write_text('a\nb\nc\n')
    return tmp_path


def dataset(root, classes=CLASSES, pipeline=(), masks=None, **settings):
    folders = dict(img_path='images') if masks is None else dict(img_path='images', seg_map_path=masks)
    return DATASETS.build(dict(
        type='ImageLabelDataset', data_root=str(root), data_prefix=folders, ann_file='list.txt',
        labels=dict(source='file', path='labels.json'), metainfo=dict(classes=classes), pipeline=list(pipeline),
        **settings))


def table(data):
    return np.stack([data.get_data_info(index)['image_labels'] for index in range(len(data))]).tolist()


@pytest.mark.parametrize(('classes', 'bg_index', 'expected'), [
    (CLASSES, 0, [[1, 1, 0], [1, 0, 0], [1, 1, 1]]),
    (('cow', 'boat', 'background'), 2, [[1, 0, 1], [0, 0, 1], [1, 1, 1]]),
])
def test_labels_with_the_background_in_every_image(root, classes, bg_index, expected):
    data = dataset(root, classes, bg_index=bg_index)
    assert len(data) == 3
    assert table(data) == expected
    assert data.metainfo['classes'] == classes


def test_item_says_where_things_are_and_nothing_of_masks(root):
    item = dataset(root).get_data_info(2)
    assert item.pop('image_labels').dtype == bool
    assert item == dict(img_path=str(root / 'images' / 'c.jpg'), seg_fields=[], label_map=None,
                        reduce_zero_label=False, sample_idx=2)


def test_item_names_the_mask_when_the_config_has_a_folder_of_masks(root):
    assert dataset(root, masks='masks').get_data_info(0)['seg_map_path'] == str(root / 'masks' / 'a.png')


def test_label_of_an_unknown_class_is_an_error_unless_ignored(root):
    classes = ('background', 'cow')
    with pytest.raises(InputError, match=r"labels.json labels image 'c' with 'boat', .*'background', 'cow'.*ignore"):
        dataset(root, classes)
    assert table(dataset(root, classes, ignore_classes=['boat'])) == [[1, 1], [1, 0], [1, 1]]


def test_class_without_an_image_is_an_error_in_training_unless_allowed(root):
    classes = (*CLASSES, 'train', 'sofa')
    with pytest.raises(InputError, match="No image of .*list.txt is labelled 'train', 'sofa', so they cannot be"):
        dataset(root, classes)
    expected = [[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 0, 0]]
    assert table(dataset(root, classes, allow_empty_classes=True)) == expected
    assert table(dataset(root, classes, test_mode=True)) == expected


def test_list_is_an_error_when_empty_or_missing(root):
    (root / 'list.txt').write_text('\n')
    with pytest.raises(InputError, match='The image list .*list.txt is empty'):
        dataset(root)
    (root / 'list.txt').unlink()
    with pytest.raises(InputError, match='The image list .*list.txt does not exist'):
        dataset(root)


def test_missing_images_are_counted_and_named(root):
    (root / 'images' / 'b.jpg').unlink()
    with pytest.raises(InputError, match=r'1 of 3 images of .*list.txt do not exist: .*b.jpg. Check data_prefix'):
        dataset(root)


def test_image_without_a_label_is_an_error(root):
    (root / 'labels.json').write_text('{"a": ["cow"], "c": ["boat"]}')
    with pytest.raises(InputError, match='labels.json has no labels for 1 of 3 images: b'):
        dataset(root)


@pytest.mark.parametrize('settings', [dict(bg_index=3), dict(bg_index=-1), dict(classes=())])
def test_background_must_be_one_of_the_classes(root, settings):
    with pytest.raises(InputError, match='needs metainfo=dict.* with the background at bg_index'):
        dataset(root, **settings)


@pytest.mark.parametrize('steps', [
    [],
    [dict(type='Resize', scale=(30, 20), keep_ratio=False)],
    [dict(type='RandomFlip', prob=1.0)],
    [dict(type='RandomCrop', crop_size=(4, 4))],
    [dict(type='Resize', scale=(90, 60)), dict(type='RandomCrop', crop_size=(8, 8)), dict(type='RandomFlip', prob=0.5)],
], ids=['none', 'Resize', 'RandomFlip', 'RandomCrop', 'all'])
def test_labels_pass_the_pipeline_of_mmseg_unchanged(root, steps):
    data = dataset(root, pipeline=[dict(type='LoadCheckedImage'), *steps, dict(type='PackImageLabelInputs')])
    for index, expected in enumerate(table(data)):
        packed = data[index]
        label = packed['data_samples'].gt_label.multi_hot
        assert label.dtype == torch.bool
        assert label.tolist() == expected
        assert 'gt_sem_seg' not in packed['data_samples']
        assert packed['inputs'].shape[1:] == packed['data_samples'].img_shape


def test_a_crop_without_the_object_keeps_the_label(root):
    np.random.seed(0)
    data = dataset(root, pipeline=[dict(type='LoadCheckedImage'), dict(type='RandomCrop', crop_size=(8, 8)),
                                   dict(type='PackImageLabelInputs')])
    crops = [data[0] for _ in range(40)]
    brightest = [int(crop['inputs'].max()) for crop in crops]
    assert min(brightest) < 20 and max(brightest) > 200  # some crops lie beside the white object, some on it
    assert all(crop['data_samples'].gt_label.multi_hot.tolist() == [True, True, False] for crop in crops)


def test_packed_labels_are_a_copy(root):
    data = dataset(root, pipeline=[dict(type='LoadCheckedImage'), dict(type='PackImageLabelInputs')],
                   serialize_data=False)
    data[0]['data_samples'].gt_label.multi_hot.zero_()
    assert table(data)[0] == [True, True, False]


@pytest.mark.parametrize('damage', [
    lambda content: content[:len(content) // 2],
    lambda content: b'this is a text',
    lambda content: b'',
], ids=['truncated', 'text', 'empty'])
def test_image_that_does_not_decode_is_named(root, damage):
    path = root / 'images' / 'b.jpg'
    path.write_bytes(damage(path.read_bytes()))
    data = dataset(root, pipeline=[dict(type='LoadCheckedImage'), dict(type='PackImageLabelInputs')])
    assert data[0] is not None
    with pytest.raises(InputError, match=r'The image .*b\.jpg cannot be decoded .*Replace the file'):
        data[1]


def test_image_that_mmcv_would_pass_over_is_named_too(tmp_path):
    path = tmp_path / 'empty.jpg'
    path.touch()
    with pytest.raises(InputError, match=r'The image .*empty\.jpg cannot be decoded'):
        Compose([dict(type='LoadCheckedImage', ignore_empty=True)])(dict(img_path=str(path)))


# Masks that are checked while they are loaded

@pytest.mark.parametrize(('mask', 'sentence'), [
    (np.zeros((40, 60, 3), np.uint8), 'a.png holds colours'),
    (np.zeros((60, 40), np.uint8), 'a.png has 40 x 60 pixels, its image 60 x 40'),
    (np.full((40, 60), 3, np.uint8), 'a.png has the values 3; class indices go from 0 to 2'),
    (None, 'a.png cannot be read'),
])
def test_a_wrong_mask_is_named_while_loading(root, mask, sentence):
    steps = Compose([dict(type='LoadCheckedImage'), dict(type='Resize', scale=(30, 30), keep_ratio=True),
                     dict(type='LoadCheckedAnnotations', num_classes=3)])
    (root / 'masks').mkdir()
    item = dataset(root, masks='masks').get_data_info(0)
    good = np.array([[0, 2, 255]], np.uint8).repeat(40, 0).repeat(20, 1)
    Image.fromarray(good).save(root / 'masks' / 'a.png')
    assert np.array_equal(steps(dict(item, seg_fields=[]))['gt_seg_map'], good)
    (root / 'masks' / 'a.png').unlink()
    if mask is not None:
        Image.fromarray(mask).save(root / 'masks' / 'a.png')
    with pytest.raises(InputError, match=sentence):
        steps(dict(item, seg_fields=[]))


def test_images_of_background_alone_follow_the_list(root):
    (root / 'list.txt').write_text('a\nc\n')
    (root / 'empty.txt').write_text('b\n')
    data = dataset(root, background_only='empty.txt')
    assert table(data) == [[1, 1, 0], [1, 1, 1], [1, 0, 0]]
    assert data.get_data_info(2)['img_path'].endswith('b.jpg')


def test_image_with_a_class_is_no_background(root):
    (root / 'list.txt').write_text('c\n')
    (root / 'empty.txt').write_text('b\na\n')
    with pytest.raises(InputError, match='1 images of the list background_only .* labelled with a class, first a'):
        dataset(root, background_only='empty.txt')


def saliency_dataset(root, **settings):
    """The images of ``root`` with a map each, whose value is the column."""
    (root / 'saliency').mkdir(exist_ok=True)
    for image in LABELS:
        write_saliency(root / 'saliency' / f'{image}.png', np.tile(np.arange(60) / 255, (40, 1)))
    pipeline = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedSaliency'), dict(type='RandomFlip', prob=1.0),
                dict(type='RandomCrop', crop_size=(20, 30)), dict(type='PackImageLabelInputs')]
    return DATASETS.build(dict(
        type='ImageLabelDataset', data_root=str(root), data_prefix=dict(img_path='images', saliency_path='saliency'),
        ann_file='list.txt', labels=dict(source='file', path='labels.json'), metainfo=dict(classes=CLASSES),
        pipeline=pipeline, **settings))


def test_saliency_moves_with_the_image(root):
    packed = saliency_dataset(root)[0]
    saliency = packed['data_samples'].gt_saliency.data
    assert saliency.shape == (1, 20, 30) and saliency.dtype == torch.uint8
    white = packed['inputs'][0] > 128  # the columns 0 to 29, flipped and cropped
    assert torch.equal(white, saliency[0] < 30)
    assert (saliency[0, :, 1:].int() - saliency[0, :, :-1].int() == -1).all()


def test_saliency_maps_that_do_not_fit_are_named(root):
    data = saliency_dataset(root)
    path = root / 'saliency' / 'a.png'
    write_saliency(path, np.zeros((40, 61)))
    with pytest.raises(InputError, match=r'a.png has 61 x 40 pixels, its image 60 x 40. Write it again'):
        data[0]
    Image.new('RGB', (60, 40)).save(path)
    with pytest.raises(InputError, match=r'a.png has mode RGB; saliency from 0 to 255 needs an 8-bit grey'):
        data[0]
    path.write_bytes(b'none')
    with pytest.raises(InputError, match=r'a.png cannot be decoded'):
        data[0]


def test_missing_saliency_maps_are_found_before_training_and_play_no_part_in_a_test(root):
    saliency_dataset(root)
    (root / 'saliency' / 'b.png').unlink()
    settings = dict(type='ImageLabelDataset', data_root=str(root), ann_file='list.txt', pipeline=[],
                    data_prefix=dict(img_path='images', saliency_path='saliency'), metainfo=dict(classes=CLASSES),
                    labels=dict(source='file', path='labels.json'))
    with pytest.raises(InputError, match=r'1 of 3 images have no saliency map \(.png\) in .*saliency: b'):
        DATASETS.build(settings)
    assert len(DATASETS.build({**settings, 'test_mode': True})) == 3


def test_saliency_without_a_folder_is_refused(root):
    with pytest.raises(InputError, match="saliency_path='Saliency'"):
        dataset(root, pipeline=[dict(type='LoadCheckedImage'), dict(type='LoadCheckedSaliency')])[0]
