import numpy as np
import pytest

from mmfbr.evaluation import StuffScores, companions, confusion, cooccurrence, stuff_columns, stuff_confusion
from mmfbr.files import InputError

CLASSES = ['background', 'cow', 'boat']
ALL = ['grass', 'cow', 'water', 'boat', 'sky']


def slow_stuff_confusion(prediction, truth, all_mask, num_classes, num_all):
    counts = np.zeros((num_classes, num_all + 1), np.int64)
    for index in np.ndindex(truth.shape):
        p, t, a = int(prediction[index]), int(truth[index]), int(all_mask[index])
        if t != 255 and p != 255 and p != t:
            counts[p, num_all if a == 255 else a] += 1
    return counts


def test_counts_pixel_by_pixel():
    rng = np.random.default_rng(0)
    prediction, truth = rng.choice([0, 1, 2, 3, 255], (2, 20, 30))
    all_mask = rng.choice([0, 1, 2, 3, 4, 5, 6, 255], (20, 30))
    np.testing.assert_array_equal(stuff_confusion(prediction, truth, all_mask, 4, 7),
                                  slow_stuff_confusion(prediction, truth, all_mask, 4, 7))


def test_cooccurrence_of_one_image():
    truth, all_mask = np.array([[1, 1, 0, 0, 255]]), np.array([[1, 1, 0, 4, 255]])
    images, area = cooccurrence(truth, all_mask, 3, 5)
    np.testing.assert_array_equal(images, [[1, 1, 0, 0, 1, 1], [1, 1, 0, 0, 1, 1], [0] * 6])
    np.testing.assert_array_equal(area, [[1, 2, 0, 0, 1, 5], [1, 2, 0, 0, 1, 5], [0] * 6])


def test_companion_is_the_most_frequent_stuff_and_of_equals_the_largest():
    together = np.zeros((2, 4, 6), np.int64)
    together[0, 1, [0, 2, 4]], together[1, 1, [0, 2, 4]] = [3, 2, 1], [10, 500, 900]
    together[0, 2, [0, 2]], together[1, 2, [0, 2]] = [4, 4], [70, 80]
    together[0, 3, 1] = 9  # only things around
    np.testing.assert_array_equal(companions(together, [0, 2, 4]), [-1, 0, 2, -1])
    np.testing.assert_array_equal(companions(together, []), [-1] * 4)


def test_stuff_is_what_is_no_thing():
    assert stuff_columns(CLASSES, ALL) == [0, 2, 4]
    assert stuff_columns(['cow', 'boat', 'sky'], ALL, bg_index=2) == [0, 2, 4]
    with pytest.raises(InputError, match='share no name'):
        stuff_columns(['background', 'Kuh'], ALL)


@pytest.fixture
def scores():
    truth = np.array([[1, 1, 1, 1, 0, 0, 0, 0, 0, 255]])
    prediction = np.array([[1, 1, 1, 0, 1, 1, 1, 0, 2, 1]])
    all_mask = np.array([[1, 1, 1, 1, 0, 0, 255, 0, 4, 255]])
    return StuffScores(confusion(prediction, truth, 3), stuff_confusion(prediction, truth, all_mask, 3, 5),
                       cooccurrence(truth, all_mask, 3, 5), CLASSES, ALL)


def test_ratio_and_share_by_hand(scores):
    np.testing.assert_allclose(scores.confusion_ratio[1], [2 / 3, 0, 0, 0, 0, 1 / 3])
    np.testing.assert_allclose(scores.confusion_ratio[2], [np.nan] * 4 + [np.inf, np.nan])
    np.testing.assert_array_equal(scores.companions, [0, 0, -1])
    np.testing.assert_allclose(scores.cooccurrence_share[1:], [2 / 6, np.nan])
    np.testing.assert_allclose(scores.companion_images[1:], [1, np.nan])
    assert scores.mean_cooccurrence_share == pytest.approx(1 / 3)


def test_dict_and_table(scores):
    cow, boat = scores.as_dict()['classes']
    assert cow['companion'] == 'grass' and cow['false_positives'] == {
        'grass': 2, 'cow': 0, 'water': 0, 'boat': 0, 'sky': 0, '(void)': 1}
    assert list(cow['confusion_ratio']) == ['grass', 'water', 'sky', '(void)']
    assert boat['companion'] is None and boat['confusion_ratio']['sky'] is None
    lines = scores.table().splitlines()
    assert lines[1].split() == ['cow', 'grass', '100.00', '33.33', 'grass', '0.667,', '(void)', '0.333']
    assert lines[2].split() == ['boat', '-', '-', '-', 'sky', 'inf']


@pytest.mark.parametrize('all_mask, named', [([[0, 9]], 'all-class mask holds the value 9'), ([[0]], 'differ in size')])
def test_refuses_all_class_masks_that_do_not_fit(all_mask, named):
    two = np.zeros((1, 2), int)
    for count in (lambda: stuff_confusion(two, two, np.array(all_mask), 3, 5),
                  lambda: cooccurrence(two, np.array(all_mask), 3, 5)):
        with pytest.raises(InputError, match=named):
            count()
