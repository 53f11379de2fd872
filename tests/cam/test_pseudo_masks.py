"""Pseudo masks: what they are made of, and a run that was stopped ends with the files of one that was not."""
import json
import os
import shutil

import numpy as np
import pytest
import torch
from cam_models import CLASSES, cam_config, cam_model
from mmengine.registry import MODELS
from PIL import Image

from mmfbr.cam import CamSettings, image_cam, make_pseudo_masks, pseudo_masks
from mmfbr.cam.sources import image_label_dataset
from mmfbr.evaluation import mask_from_cam
from mmfbr.files import InputError
from mmfbr.image_files import read_cam, read_image, read_mask, write_cam

LABELS = {'a': ['cow', 'train'], 'b': [], 'c': ['boat'], 'd': ['cow']}
SETTINGS = CamSettings(scales=(1.0, ))


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


@pytest.fixture(scope='session')
def made(tmp_path_factory):
    """A folder with four images, their labels, lists, and a checkpoint."""
    root = tmp_path_factory.mktemp('pseudo')
    (root / 'images').mkdir()
    for number, image in enumerate(LABELS):
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 256, (24 + number, 30, 3), np.uint8)
        Image.fromarray(pixels).save(root / 'images' / f'{image}.jpg')
    (root / 'labels.json').write_text(json.dumps(LABELS))
    (root / 'list.txt').write_text('a\nb\nc\nd\n')
    (root / 'short.txt').write_text('d\nb\n')
    torch.save(cam_model().state_dict(), root / 'model.pth')
    return root


@pytest.fixture
def make(made, tmp_path):
    """``make_pseudo_masks`` into ``tmp_path / 'masks'`` and, unless told, ``tmp_path / 'cams'``."""
    def run(out='masks', cam_dir='cams', checkpoint=made / 'model.pth', settings=SETTINGS, **more):
        out, cam_dir = (tmp_path / name if name else None for name in (out, cam_dir))
        return make_pseudo_masks(cam_config(root=made), checkpoint, out, cam_dir=cam_dir, settings=settings, **more)
    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def stopping_after(count):
    def progress(items):
        for number, item in enumerate(items):
            if number == count:
                raise KeyboardInterrupt
            yield item
    return progress


# What is made

def test_masks_are_those_of_the_cam_files(make, made, tmp_path):
    assert make(threshold=0.4) == (4, 0)
    model = cam_model()
    for image, names in LABELS.items():
        cam, classes = read_cam(tmp_path / 'cams' / f'{image}.npz')
        assert [CLASSES[c] for c in classes] == names
        pixels = read_image(made / 'images' / f'{image}.jpg')
        present = np.isin(CLASSES, names)
        np.testing.assert_allclose(cam, image_cam(model, pixels, present, SETTINGS)[0], atol=5e-4)
        mask = read_mask(tmp_path / 'masks' / f'{image}.png')
        assert mask.shape == pixels.shape[:2]
        np.testing.assert_array_equal(mask, mask_from_cam(cam, classes, 0.4))
    assert set(np.unique(mask)) == {0, 1}


def test_mask_is_a_palette_png_in_the_colours_of_the_data_set(make, made, tmp_path):
    make(cam_dir=None)
    palette = image_label_dataset(cam_config(root=made)).metainfo['palette']
    with Image.open(tmp_path / 'masks' / 'a.png') as image:
        assert image.mode == 'P'
        assert image.getpalette()[:12] == [value for colour in palette for value in colour]


def test_masks_are_the_same_without_cam_files(make, tmp_path):
    make()
    make(out='alone', cam_dir=None)
    assert (tmp_path / 'alone' / 'a.png').read_bytes() == (tmp_path / 'masks' / 'a.png').read_bytes()


def test_masks_are_made_of_cam_files_that_are_there(make, tmp_path, monkeypatch):
    make(out=None)
    assert not (tmp_path / 'masks').exists()
    monkeypatch.setattr(pseudo_masks, 'load_cam_model', None)  # the network is not needed again
    write_cam(tmp_path / 'cams' / 'c.npz', np.ones((1, 26, 30)), [3])
    assert make() == (4, 0)
    assert (read_mask(tmp_path / 'masks' / 'c.png') == 3).all()


def test_both_may_go_to_one_folder(make, tmp_path):
    assert make(out='all', cam_dir='all') == (4, 0)
    assert make(out='all', cam_dir='all') == (0, 4)
    assert {path.suffix for path in (tmp_path / 'all').iterdir()} == {'.png', '.npz', '.json'}


def test_without_labels_the_network_says_what_is_there(make, made, tmp_path):
    make(use_labels=False)
    expected = image_cam(cam_model(), read_image(made / 'images' / 'a.jpg'), None, SETTINGS)[1]
    assert read_cam(tmp_path / 'cams' / 'a.npz')[1].tolist() == expected.tolist()


def test_settings_come_from_the_config(make, made, tmp_path):
    make()
    config = cam_config(root=made, scales=(1.0, ))
    make_pseudo_masks(config, made / 'model.pth', None, cam_dir=tmp_path / 'own')
    assert (tmp_path / 'own' / 'a.npz').read_bytes() == (tmp_path / 'cams' / 'a.npz').read_bytes()


@pytest.mark.parametrize('where', ['relative', 'absolute'])
def test_another_list_of_the_same_data_set(make, made, tmp_path, where):
    assert make(image_list='short.txt' if where == 'relative' else made / 'short.txt') == (2, 0)
    assert {path.stem for path in (tmp_path / 'masks').glob('*.png')} == {'b', 'd'}
    assert make() == (2, 2)


def test_images_of_one_name_in_two_folders_are_two(make, made, tmp_path):
    root = tmp_path / 'nested'
    for folder, image in (('x', 'a'), ('y', 'c')):
        (root / 'images' / folder).mkdir(parents=True)
        shutil.copy(made / 'images' / f'{image}.jpg', root / 'images' / folder / '1.jpg')
    (root / 'list.txt').write_text('x/1\ny/1\n')
    (root / 'labels.json').write_text('{"x/1": ["cow"], "y/1": ["boat"]}')
    assert make_pseudo_masks(cam_config(root=root), made / 'model.pth', tmp_path / 'masks', settings=SETTINGS) == (2, 0)
    assert 1 in read_mask(tmp_path / 'masks' / 'x' / '1.png')
    assert 2 in read_mask(tmp_path / 'masks' / 'y' / '1.png')


@pytest.mark.parametrize(('batch', 'shares'), [(1, [(2, 0), (1, 0), (1, 0)]), (2, [(2, 0), (2, 0), (0, 0)])])
def test_processes_share_the_list_by_batches(make, tmp_path, monkeypatch, batch, shares):
    make(out='alone', cam_dir=None, batch=batch)
    monkeypatch.setenv('WORLD_SIZE', '3')
    done = []
    for rank in range(3):
        monkeypatch.setenv('RANK', str(rank))
        done.append(make(cam_dir=None, batch=batch))
    assert done == shares
    assert contents(tmp_path / 'masks') == contents(tmp_path / 'alone')


# A run that was stopped

@pytest.mark.parametrize('stop', [0, 1, 3])
def test_stopped_run_continues_to_the_same_files(make, tmp_path, stop):
    make(out='whole', cam_dir='whole_cams')
    with pytest.raises(KeyboardInterrupt):
        make(progress=stopping_after(stop))
    finished = list((tmp_path / 'masks').glob('*.png')) + list((tmp_path / 'cams').glob('*.npz'))
    assert len(finished) == 2 * stop  # what the network has done is finished
    for path in finished:
        os.utime(path, (1, 1))
    assert make() == (4 - stop, stop)
    assert all(path.stat().st_mtime == 1 for path in finished)
    assert contents(tmp_path / 'masks') == contents(tmp_path / 'whole')
    assert contents(tmp_path / 'cams') == contents(tmp_path / 'whole_cams')


def test_run_stopped_between_the_two_files_of_an_image_continues(make, tmp_path, monkeypatch):
    make(out='whole', cam_dir='whole_cams')

    def stop(*args):
        raise KeyboardInterrupt
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pseudo_masks, 'write_mask', stop)
        make()
    assert (tmp_path / 'cams' / 'a.npz').exists() and not list((tmp_path / 'masks').glob('*.png'))
    make()
    assert contents(tmp_path / 'masks') == contents(tmp_path / 'whole')


def test_finished_run_loads_no_model(make, monkeypatch):
    make()
    monkeypatch.setattr(pseudo_masks, 'load_cam_model', None)
    assert make() == (0, 4)


# What is refused

@pytest.mark.parametrize(('change', 'word'), [
    (dict(threshold=0.5), 'threshold'),
    (dict(settings=CamSettings(scales=(1.0, 0.5))), 'scales'),
    (dict(settings=CamSettings(scales=(1.0, ), flip=False)), 'flip'),
    (dict(use_labels=False), 'labels'),
])
def test_folder_of_other_settings_is_refused(make, tmp_path, change, word):
    make(cam_dir=None)
    before = contents(tmp_path / 'masks')
    with pytest.raises(InputError, match=f'masks holds files made with another {word}. Choose another folder'):
        make(cam_dir=None, **change)
    assert contents(tmp_path / 'masks') == before


def test_folder_of_another_checkpoint_is_refused(make, made, tmp_path):
    make()
    other = shutil.copy2(made / 'model.pth', tmp_path / 'model.pth')
    with pytest.raises(InputError, match='masks holds files made with another checkpoint'):
        make(checkpoint=other)
    make(out='fresh', cam_dir=None, checkpoint=other)
    os.utime(other, (1, 1))  # trained on, under the same name
    with pytest.raises(InputError, match='fresh holds files made with another checkpoint'):
        make(out='fresh', cam_dir=None, checkpoint=other)


def test_cam_files_serve_any_threshold(make, tmp_path):
    make(threshold=0.3)
    assert make(out='higher', threshold=0.6) == (4, 0)
    assert (read_mask(tmp_path / 'higher' / 'a.png') > 0).sum() < (read_mask(tmp_path / 'masks' / 'a.png') > 0).sum()


def test_folder_of_someone_elses_masks_is_refused(make, tmp_path):
    (tmp_path / 'masks').mkdir()
    Image.new('P', (30, 24)).save(tmp_path / 'masks' / 'a.png')
    with pytest.raises(InputError, match='masks holds files that were not made here. Choose another folder'):
        make()
    assert [path.name for path in (tmp_path / 'masks').iterdir()] == ['a.png']


def test_failed_start_does_not_claim_the_folder(make, tmp_path):
    (tmp_path / 'bad.pth').write_bytes(b'no checkpoint')
    with pytest.raises(InputError, match='bad.pth'):
        make(checkpoint=tmp_path / 'bad.pth')
    with pytest.raises(InputError, match='The checkpoint .*none.pth does not exist'):
        make(checkpoint=tmp_path / 'none.pth')
    assert make() == (4, 0)


def test_list_of_an_unknown_image_is_refused(make, made, tmp_path):
    (tmp_path / 'unknown.txt').write_text('a\nz\n')
    with pytest.raises(InputError, match=r'1 of 2 images of .*unknown.txt do not exist: .*z.jpg'):
        make(image_list=tmp_path / 'unknown.txt')
    with pytest.raises(InputError, match='The image list .*no_such.txt does not exist'):
        make(image_list='no_such.txt')
    assert not (tmp_path / 'masks').exists()


def test_damaged_cam_file_is_named(make, tmp_path):
    make(out=None, batch=1)
    path = tmp_path / 'cams' / 'c.npz'
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r'The CAM file .*c.npz cannot be read .* Delete it and make it again'):
        make(batch=1)
    path.unlink()
    assert make(batch=1) == (2, 2)


def test_nothing_to_write_is_refused(make):
    with pytest.raises(InputError, match='nothing to write'):
        make(out=None, cam_dir=None)


def test_config_without_image_level_labels_or_cam_head_is_refused(made, tmp_path):
    config = cam_config(root=made)
    config.train_dataloader.dataset.type = 'BaseSegDataset'
    with pytest.raises(InputError, match='training data of this config is BaseSegDataset; .* an ImageLabelDataset'):
        make_pseudo_masks(config, made / 'model.pth', tmp_path / 'masks')
    config = cam_config(root=made)
    config.model.type = 'EncoderDecoder'
    config.model.decode_head = dict(type='FCNHead', in_channels=32, in_index=0, channels=4, num_classes=4)
    torch.save(MODELS.build(config.model).state_dict(), tmp_path / 'fcn.pth')
    with pytest.raises(InputError, match='CAMs need a model with a CAMHead; this config has FCNHead'):
        make_pseudo_masks(config, tmp_path / 'fcn.pth', tmp_path / 'masks')


def test_class_count_of_model_and_data_must_agree(made, tmp_path):
    config = cam_config(root=made)
    config.train_dataloader.dataset.metainfo.classes = (*CLASSES, 'sofa')
    with pytest.raises(InputError, match='model.decode_head.num_classes is 4, but the data set has 5 classes'):
        make_pseudo_masks(config, made / 'model.pth', tmp_path / 'masks')
