"""Counts of each image at every threshold: against the masks themselves, and through a file."""
import numpy as np
import pytest

from mmfbr.evaluation import (
    ImageCounts,
    confusion,
    image_cells,
    mask_from_cam,
    stuff_confusion,
    threshold_confusions,
)
from mmfbr.files import InputError

THRESHOLDS = (0, 0.1, 0.25, 0.3, 0.5, 1)
C, A = 5, 4


def image(seed, num_maps, bg_index, shape=(9, 11)):
    """A CAM of few values, the thresholds among them, its classes, a truth, and what is beneath."""
    rng = np.random.default_rng(seed)
    values = np.array([0, 0.1, 0.25, 0.3, 0.4, 0.5, 1], np.float16).astype(np.float32)
    classes = rng.permutation(np.setdiff1d(np.arange(C), bg_index))[:num_maps]
    return (rng.choice(values, (num_maps, *shape)), classes, rng.choice(np.array([*range(C), 255], np.uint8), shape),
            rng.choice(np.array([*range(A), 255], np.uint8), shape))


def counts_of(images, bg_index, with_stuff=True):
    found = [image_cells(cam, classes, truth, THRESHOLDS, C, beneath if with_stuff else None, A if with_stuff else 0,
                         bg_index) for cam, classes, truth, beneath in images]
    return ImageCounts.of([f'i{n}' for n in range(len(images))], found, THRESHOLDS, C, A if with_stuff else 0, bg_index)


@pytest.mark.parametrize('bg_index', [0, 2, 4])
def test_counts_are_those_of_the_masks(bg_index):
    images = [image(seed, maps, bg_index) for seed, maps in enumerate((0, 1, 3, 4, 2))]
    counts = counts_of(images, bg_index)
    for position, threshold in enumerate(THRESHOLDS):
        for number, (cam, classes, truth, beneath) in enumerate(images):
            mask = mask_from_cam(cam, classes, threshold, bg_index)
            np.testing.assert_array_equal(counts.confusions(position)[number], confusion(mask, truth, C)[:, :C])
            np.testing.assert_array_equal(counts.stuff_confusions(position)[number],
                                          stuff_confusion(mask, truth, beneath, C, A))
    expected = sum(threshold_confusions(cam, classes, truth, THRESHOLDS, C, bg_index)
                   for cam, classes, truth, _ in images)
    np.testing.assert_array_equal(counts.sweep().counts, expected)


def test_without_stuff_masks_nothing_else_changes():
    images = [image(seed, 2, 0) for seed in range(3)]
    plain, stuff = counts_of(images, 0, with_stuff=False), counts_of(images, 0)
    np.testing.assert_array_equal(plain.sweep().counts, stuff.sweep().counts)
    assert plain.stuff_confusions(1).shape == (3, C, 1)


def test_file_holds_the_same(tmp_path):
    counts = counts_of([image(seed, 3, 0) for seed in range(4)], 0)
    counts.save(tmp_path / 'counts.npz')
    loaded = ImageCounts.load(tmp_path / 'counts.npz')
    assert loaded.ids == counts.ids and (loaded.num_classes, loaded.num_all, loaded.bg_index) == (C, A, 0)
    np.testing.assert_array_equal(loaded.confusions(2), counts.confusions(2))
    np.testing.assert_array_equal(loaded.stuff_confusions(2), counts.stuff_confusions(2))
    np.testing.assert_array_equal(loaded.thresholds, THRESHOLDS)
    assert [path.name for path in tmp_path.iterdir()] == ['counts.npz']


def test_damaged_file_is_named(tmp_path):
    (tmp_path / 'counts.npz').write_bytes(b'no archive')
    with pytest.raises(InputError, match=r'The counts .*counts.npz cannot be read .* Delete the file and run again'):
        ImageCounts.load(tmp_path / 'counts.npz')


def test_joined_parts_are_the_whole():
    images = [image(seed, 2, 0) for seed in range(5)]
    whole = counts_of(images, 0)
    joined = ImageCounts.joined([counts_of(images[:2], 0), counts_of(images[2:3], 0), counts_of(images[3:], 0)])
    np.testing.assert_array_equal(joined.confusions(2), whole.confusions(2))
    assert len(joined.ids) == 5


@pytest.mark.parametrize('change, says', [
    (lambda cam, classes, truth, beneath: (cam, classes, truth[1:], beneath), 'differ in size'),
    (lambda cam, classes, truth, beneath: (cam, classes, truth, beneath[:, 1:]), 'the all-class mask and'),
    (lambda cam, classes, truth, beneath: (cam, [0, 1], truth, beneath), 'a map of class 0'),
    (lambda cam, classes, truth, beneath: (cam, classes, truth, beneath * 0 + 9), 'holds the value 9'),
    (lambda cam, classes, truth, beneath: (cam * np.nan, classes, truth, beneath), 'NaN'),
])
def test_what_does_not_fit_is_refused(change, says):
    cam, classes, truth, beneath = change(*image(0, 2, 0))
    with pytest.raises(InputError, match=says):
        image_cells(cam, classes, truth, THRESHOLDS, C, beneath, A)
