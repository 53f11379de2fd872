import numpy as np
import pytest

from mmfbr.evaluation import Scores, confusion
from mmfbr.files import InputError


def slow_confusion(prediction, truth, num_classes, ignore_index):
    counts = np.zeros((num_classes, num_classes + 1), np.int64)
    for p, t in zip(prediction.ravel().tolist(), truth.ravel().tolist(), strict=True):
        if t != ignore_index:
            counts[t, num_classes if p == ignore_index and p >= num_classes else p] += 1
    return counts


@pytest.mark.parametrize('num_classes, ignore_index', [(1, 255), (2, 255), (7, 255), (81, 200), (5, 0), (255, 255)])
@pytest.mark.parametrize('shape', [(0, 0), (1, 1), (13, 17)])
def test_counts_pixel_by_pixel(num_classes, ignore_index, shape):
    rng = np.random.default_rng(num_classes)
    values = np.array([*range(num_classes), ignore_index], np.uint8)
    prediction, truth = rng.choice(values, shape), rng.choice(values, shape)
    counts = confusion(prediction, truth, num_classes, ignore_index)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, slow_confusion(prediction, truth, num_classes, ignore_index))


def test_undecided_pixels_lower_recall_and_iou_but_not_precision():
    truth = np.array([[1, 1, 1, 1, 255]], np.uint8)
    scores = Scores.of(confusion(np.array([[1, 1, 255, 255, 255]], np.uint8), truth, 2))
    assert (scores.iou[1], scores.precision[1], scores.recall[1]) == (0.5, 1, 0.5)


@pytest.mark.parametrize('prediction, truth, named', [
    ([[3]], [[0]], 'prediction holds the value 3'),
    ([[0]], [[9]], 'ground truth holds the value 9'),
    ([[-1]], [[0]], 'prediction holds the value -1'),
    ([[7]], [[255]], 'prediction holds the value 7'),
    ([[0, 0]], [[0]], 'differ in size, (1, 2) and (1, 1)'),
])
def test_refuses_what_cannot_be_counted(prediction, truth, named):
    with pytest.raises(InputError) as error:
        confusion(np.array(prediction), np.array(truth), 3)
    assert named in str(error.value)


def test_refuses_probabilities_in_place_of_labels():
    with pytest.raises(TypeError):
        confusion(np.zeros((2, 2)), np.zeros((2, 2), np.uint8), 2)


def test_scores_by_hand():
    #                   predicted 0  1  2  undecided; class 3 is nowhere, class 2 is only predicted
    scores = Scores.of(np.array([[6, 2, 0, 0, 0],
                                 [1, 3, 1, 0, 1],
                                 [0, 0, 0, 0, 0],
                                 [0, 0, 0, 0, 0]]))
    np.testing.assert_allclose(scores.iou, [6 / 9, 3 / 8, 0, np.nan])
    np.testing.assert_allclose(scores.precision, [6 / 7, 3 / 5, 0, np.nan])
    np.testing.assert_allclose(scores.recall, [6 / 8, 3 / 6, np.nan, np.nan])
    assert scores.mean_iou == pytest.approx((6 / 9 + 3 / 8 + 0) / 3)
    assert scores.mean_recall == pytest.approx((6 / 8 + 3 / 6) / 2)


def test_counts_beyond_single_precision_stay_exact():
    counts = np.array([[2**40 + 1, 1], [0, 2**40]])
    assert Scores.of(counts).iou[0] == (2**40 + 1) / (2**40 + 2)


def test_nothing_counted_gives_nan_without_a_warning(recwarn):
    scores = Scores.of(confusion(np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8), 3))
    assert np.isnan([scores.mean_iou, scores.mean_precision, scores.mean_recall]).all() and not recwarn.list


def test_dict_and_table():
    scores = Scores.of(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]]))
    content = scores.as_dict(['background', 'cow', 'sheep'])
    assert content['mean_iou'] == pytest.approx(0.375)
    assert content['classes'][1] == {'name': 'cow', 'iou': 0, 'precision': 0, 'recall': None}
    assert content['classes'][2] == {'name': 'sheep', 'iou': None, 'precision': None, 'recall': None}
    assert [line.split() for line in scores.table(['background', 'cow', 'sheep']).splitlines()] == [
        ['class', '(%)', 'IoU', 'precision', 'recall'], ['background', '75.00', '100.00', '75.00'],
        ['cow', '0.00', '0.00', '-'], ['sheep', '-', '-', '-'], ['mean', '37.50', '50.00', '75.00']]
