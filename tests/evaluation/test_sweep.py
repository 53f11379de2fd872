import numpy as np
import pytest

from mmfbr.evaluation import Sweep, confusion, mask_from_cam, plot_sweep, threshold_confusions
from mmfbr.files import InputError

THRESHOLDS = [0, 0.1, 0.25, 0.25, 0.3, 0.5, 0.75, 1]


def slow_mask(cam, classes, threshold, bg_index):
    mask = np.full(cam.shape[1:], bg_index, np.uint8)
    for y, x in np.ndindex(mask.shape):
        best = None
        for k in range(len(classes)):
            if float(cam[k, y, x]) > threshold and (best is None or cam[k, y, x] > cam[best, y, x]):
                best = k
        if best is not None:
            mask[y, x] = classes[best]
    return mask


def example(num_maps, bg_index, num_classes=6, seed=0, shape=(9, 11)):
    """Activations from few values, the thresholds among them, so that ties and equality abound."""
    rng = np.random.default_rng(seed)
    values = np.array([0, 0.1, 0.25, 0.3, 0.4, 0.5, 1], np.float16).astype(np.float32)
    foreground = np.setdiff1d(np.arange(num_classes), bg_index)
    return (rng.choice(values, (num_maps, *shape)), rng.permutation(foreground)[:num_maps],
            rng.choice(np.array([*range(num_classes), 255], np.uint8), shape))


@pytest.mark.parametrize('bg_index', [0, 3, 5])
@pytest.mark.parametrize('num_maps', [0, 1, 2, 5])
def test_one_pass_agrees_with_a_mask_at_every_threshold(num_maps, bg_index):
    cam, classes, truth = example(num_maps, bg_index)
    counts = threshold_confusions(cam, classes, truth, THRESHOLDS, 6, bg_index)
    assert counts.dtype == np.int64 and counts.shape == (len(THRESHOLDS), 6, 6)
    for t, threshold in enumerate(THRESHOLDS):
        mask = mask_from_cam(cam, classes, threshold, bg_index)
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, slow_mask(cam, classes, threshold, bg_index))
        np.testing.assert_array_equal(counts[t], confusion(mask, truth, 6)[:, :6])


def test_random_activations_and_thresholds_equal_to_them():
    rng = np.random.default_rng(1)
    cam = rng.random((3, 20, 20), np.float32)
    truth = rng.integers(0, 4, (20, 20))
    thresholds = np.sort(np.concatenate([cam.ravel()[:50], np.nextafter(cam.ravel()[:50], 1), rng.random(50)]))
    counts = threshold_confusions(cam, [1, 2, 3], truth, thresholds, 4)
    for t, threshold in enumerate(thresholds):
        np.testing.assert_array_equal(counts[t], confusion(mask_from_cam(cam, [1, 2, 3], threshold), truth, 4)[:, :4])


def test_an_activation_equal_to_the_threshold_is_background_and_the_first_of_equal_maps_wins():
    cam = np.array([[[0.5, 0.75]], [[0.5, 0.75]]], np.float32)
    np.testing.assert_array_equal(mask_from_cam(cam, [4, 2], 0.5, bg_index=7), [[7, 4]])


def test_single_precision_does_not_decide():
    # 0.3 in single precision lies above 0.3 in double precision.
    cam = np.full((1, 1, 1), 0.3, np.float32)
    assert mask_from_cam(cam, [1], 0.3) == 1
    assert threshold_confusions(cam, [1], np.ones((1, 1), int), [0.3], 2)[0, 1, 1] == 1


def test_all_void_and_other_ignore_index():
    cam, classes, truth = example(2, 0)
    assert not threshold_confusions(cam, classes, np.full_like(truth, 255), [0.2], 6).any()
    truth[truth == 255] = 99
    assert threshold_confusions(cam, classes, truth, [0.2], 6, ignore_index=99).sum() == (truth != 99).sum()


@pytest.mark.parametrize('classes, truth, named', [
    ([1, 6], 0, 'a map of class 6'),
    ([1, 0], 0, 'a map of class 0'),
    ([-1, 1], 0, 'a map of class -1'),
    ([2, 2], 0, 'two maps of one class'),
    ([1], 0, '(2, 3, 3) for 1 classes'),
    ([1, 2], 8, 'ground truth holds the value 8'),
])
def test_refuses_maps_that_do_not_fit(classes, truth, named):
    with pytest.raises(InputError) as error:
        threshold_confusions(np.zeros((2, 3, 3)), classes, np.full((3, 3), truth), [0.5], 6)
    assert named in str(error.value)


@pytest.mark.parametrize('value', [np.nan, np.inf, 7.5, -2])
def test_refuses_activations_that_are_not_normalised(value):
    cam = np.full((1, 2, 2), 0.5, np.float32)
    cam[0, 1, 1] = value
    with pytest.raises(InputError, match='divide each map by its maximum'):
        mask_from_cam(cam, [1], 0.5)


def test_refuses_another_size_and_unordered_thresholds():
    with pytest.raises(InputError, match='differ in size'):
        threshold_confusions(np.zeros((0, 3, 4)), [], np.zeros((4, 3), int), [0.5], 2)
    with pytest.raises(ValueError, match='ascending'):
        threshold_confusions(np.zeros((0, 3, 3)), [], np.zeros((3, 3), int), [0.5, 0.2], 2)


def test_best_threshold_and_curve(tmp_path):
    truth = np.array([[0, 0, 1, 1]])
    cam = np.array([[[0.1, 0.4, 0.6, 0.9]]])
    thresholds = np.array([0, 0.2, 0.4, 0.5, 0.8])
    sweep = Sweep(thresholds, threshold_confusions(cam, [1], truth, thresholds, 2))
    assert sweep.best_threshold == 0.4 and sweep.as_dict()['best_mean_iou'] == 1
    plot_sweep(tmp_path / 'curve.png', sweep)
    assert (tmp_path / 'curve.png').read_bytes().startswith(b'\x89PNG')
