import numpy as np
import pytest
import torch

pytest.importorskip('mmengine')
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement, LabelData

from mmfbr.evaluation.image_label_metric import ImageLabelMetric, average_precision
from mmfbr.files import InputError


def slow_average_precision(scores, positives):
    area = recall_before = 0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        chosen = [bool(p) for s, p in zip(scores, positives, strict=True) if s >= threshold]
        recall = sum(chosen) / positives.sum()
        area += (recall - recall_before) * sum(chosen) / len(chosen)
        recall_before = recall
    return area


@pytest.mark.parametrize('size', [1, 2, 15, 16, 100])
@pytest.mark.parametrize('distinct', [1, 3, 1000])
def test_average_precision_with_ties(size, distinct):
    rng = np.random.default_rng(size)
    scores = rng.integers(0, distinct, size) / distinct
    positives = rng.random(size) < 0.3
    positives[0] = True
    assert average_precision(scores, positives) == pytest.approx(slow_average_precision(scores, positives))


def test_average_precision_by_hand():
    assert average_precision(np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 0, 1, 0], bool)) == pytest.approx(5 / 6)
    assert np.isnan(average_precision(np.array([0.9, 0.8]), np.array([False, False])))
    assert np.isnan(average_precision(np.array([0.9, np.nan]), np.array([True, False])))


def evaluate(scores, labels, **settings):
    evaluator = Evaluator(ImageLabelMetric(**settings))
    for score, label in zip(scores, labels, strict=True):
        evaluator.process([BaseDataElement(pred_label=LabelData(score=score), gt_label=LabelData(multi_hot=label))])
    return evaluator.evaluate(len(scores))


SCORES = torch.tensor([[.9, .9, .2, .5], [.8, .8, .9, .5], [.1, .7, .1, .5]])
LABELS = torch.tensor([[0, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]])


def test_mean_over_foreground_classes_that_have_positives():
    foreground = [1 / 2 + 1 / 3, 1]  # class 3 has no positive
    assert evaluate(SCORES, LABELS) == {'image_label/mAP': pytest.approx(100 * np.mean(foreground))}
    background = (1 / 2) / 2 + (2 / 3) / 2
    assert evaluate(SCORES, LABELS, bg_index=None)['image_label/mAP'] == pytest.approx(
        100 * np.mean([background, *foreground]))


def test_half_precision_and_bool_labels():
    assert evaluate(SCORES.bfloat16(), LABELS.bool()) == evaluate(SCORES.bfloat16().float(), LABELS)


def test_no_positives_at_all_and_wrong_class_count():
    assert np.isnan(evaluate(SCORES, torch.zeros_like(LABELS))['image_label/mAP'])
    with pytest.raises(InputError, match='scores 4 classes and the labels name 3'):
        evaluate(SCORES, LABELS[:, :3])
