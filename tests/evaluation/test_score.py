import numpy as np
import pytest
from PIL import Image

from mmfbr.evaluation import (
    confusion,
    cooccurrence,
    count_cooccurrence,
    evaluate,
    image_ids,
    mask_from_cam,
    score_masks,
    score_stuff,
    stuff_confusion,
    sweep_cams,
    threshold_confusions,
)
from mmfbr.files import InputError
from mmfbr.image_files import voc_palette, write_cam, write_mask

CLASSES, ALL = ['background', 'cow', 'boat'], ['grass', 'cow', 'water', 'boat']
IDS = ['a', 'b', 'c']


@pytest.fixture
def folders(tmp_path):
    """Masks ``pred``, ``gt``, ``all`` and CAM files ``cam`` of three images, one of them without any map."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(IDS):
        shape = (8 + number, 12)
        truth = rng.choice([0, 0, 1, 2, 255], shape)
        everything = np.where(truth == 0, rng.choice([0, 2, 255], shape), np.array([0, 1, 3])[truth % 3])
        masks = {'pred': rng.integers(0, 3, shape), 'gt': truth, 'all': np.where(truth == 255, 255, everything)}
        for folder, mask in masks.items():
            write_mask(tmp_path / folder / f'{name}.png', mask, voc_palette())
        write_cam(tmp_path / 'cam' / f'{name}.npz', rng.random((number, *shape)), range(1, number + 1))
    return tmp_path


def mask(folders, kind, name):
    return np.asarray(Image.open(folders / kind / f'{name}.png'))


def cam(folders, name):
    content = np.load(folders / 'cam' / f'{name}.npz')
    return content['cam'], content['classes']


def test_sums_over_images(folders):
    pred, gt, every = ([mask(folders, kind, name) for name in IDS] for kind in ('pred', 'gt', 'all'))
    np.testing.assert_array_equal(score_masks(folders / 'pred', folders / 'gt', IDS, 3),
                                  sum(confusion(p, g, 3) for p, g in zip(pred, gt, strict=True)))
    np.testing.assert_array_equal(score_stuff(folders / 'pred', folders / 'gt', folders / 'all', IDS, 3, 4),
                                  sum(stuff_confusion(p, g, a, 3, 4) for p, g, a in zip(pred, gt, every, strict=True)))
    np.testing.assert_array_equal(count_cooccurrence(folders / 'gt', folders / 'all', IDS, 3, 4),
                                  sum(cooccurrence(g, a, 3, 4) for g, a in zip(gt, every, strict=True)))


def test_cam_files_swept_and_cut(folders):
    cut = score_masks(folders / 'cam', folders / 'gt', IDS, 3, threshold=0.4)
    np.testing.assert_array_equal(cut, sum(
        confusion(mask_from_cam(*cam(folders, name), 0.4), mask(folders, 'gt', name), 3) for name in IDS))
    counts = sweep_cams(folders / 'cam', folders / 'gt', IDS, [0.1, 0.4], 3)
    np.testing.assert_array_equal(counts, sum(
        threshold_confusions(*cam(folders, name), mask(folders, 'gt', name), [0.1, 0.4], 3) for name in IDS))
    np.testing.assert_array_equal(counts[1], cut[:, :3])


def test_evaluate_scores_at_the_best_threshold(folders):
    thresholds = [0, 0.25, 0.5, 0.75]
    result = evaluate(folders / 'cam', folders / 'gt', IDS, CLASSES, thresholds=thresholds, all_dir=folders / 'all',
                      all_classes=ALL)
    fixed = [evaluate(folders / 'cam', folders / 'gt', IDS, CLASSES, threshold=t, all_dir=folders / 'all',
                      all_classes=ALL, cooccurrence_ids=['c']) for t in thresholds]
    best = max(fixed, key=lambda other: other.scores.mean_iou)
    assert result.threshold == best.threshold and result.scores.mean_iou == best.scores.mean_iou
    np.testing.assert_array_equal(result.stuff.stuff_confusion, best.stuff.stuff_confusion)
    assert best.stuff.together[0, 0, -1] == 1 and result.stuff.together[0, 0, -1] == 3


def test_image_ids(folders):
    (folders / 'list.txt').write_text('b\n\na \nb\n')
    assert image_ids(folders / 'gt') == IDS
    assert image_ids(folders / 'gt', folders / 'list.txt') == ['b', 'a']
    (folders / 'empty.txt').write_text('\n')
    for gt, listed in ((folders / 'cam', None), (folders / 'none', None), ('', folders / 'empty.txt'), ('', 'no.txt')):
        with pytest.raises(InputError):
            image_ids(gt, listed)


def refused(call):
    with pytest.raises(InputError) as error:
        call()
    return str(error.value)


def test_images_without_files_are_named_before_anything_is_read(folders):
    (folders / 'gt' / 'a.png').write_bytes(b'not a picture')
    many = [f'm{number:02}' for number in range(12)]
    message = refused(lambda: score_masks(folders / 'pred', folders / 'gt', IDS + many, 3))
    assert '12 of 15 images have no prediction' in message and str(folders / 'pred') in message
    assert 'm09' in message and 'm10' not in message and 'and 2 more' in message
    assert 'no CAM file' in refused(lambda: sweep_cams(folders / 'pred', folders / 'gt', IDS, [0.1], 3))
    assert 'no all-class mask' in refused(
        lambda: score_stuff(folders / 'pred', folders / 'gt', folders / 'cam', IDS, 3, 4))
    assert 'list of images is empty' in refused(lambda: score_masks(folders / 'pred', folders / 'gt', [], 3))
    assert 'does not exist' in refused(lambda: score_masks(folders / 'nowhere', folders / 'gt', IDS, 3))


def test_all_images_that_cannot_be_counted_are_named(folders):
    write_mask(folders / 'pred' / 'a.png', np.zeros((8, 11)), voc_palette())
    Image.new('RGB', (12, 9)).save(folders / 'pred' / 'b.png')
    message = refused(lambda: score_masks(folders / 'pred', folders / 'gt', IDS, 3))
    assert '2 of 3 images cannot be scored' in message
    assert 'a: the prediction and the ground truth differ in size, (8, 11) and (8, 12)' in message
    assert 'mode RGB' in message
    message = refused(lambda: score_masks(folders / 'gt', folders / 'gt', IDS, 2))
    assert 'c: the ground truth holds the value 2, but 2 classes' in message


def test_damaged_cam_files_are_named(folders):
    whole = (folders / 'cam' / 'c.npz').read_bytes()
    (folders / 'cam' / 'c.npz').write_bytes(whole[:len(whole) // 2])
    message = refused(lambda: sweep_cams(folders / 'cam', folders / 'gt', IDS, [0.1], 3))
    assert '1 of 3 images' in message and 'c.npz cannot be read' in message


def test_evaluate_refuses_what_can_be_known_first(folders):
    write_mask(folders / 'gt' / 'a.png', np.full((8, 12), 255), voc_palette())
    assert 'No pixel was counted' in refused(lambda: evaluate(folders / 'pred', folders / 'gt', ['a'], CLASSES))
    assert 'No pixel was counted' in refused(
        lambda: evaluate(folders / 'cam', folders / 'gt', ['a'], CLASSES, thresholds=[0.1, 0.2]))
    assert 'background index 3' in refused(lambda: evaluate(folders, folders, IDS, CLASSES, bg_index=3))
    assert 'share no name' in refused(
        lambda: evaluate(folders, folders, IDS, CLASSES, all_dir=folders, all_classes=['sky']))
