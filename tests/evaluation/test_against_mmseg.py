"""The counts and scores are those of mmseg's IoUMetric."""
import numpy as np
import pytest
import torch

from mmfbr.evaluation import Scores, confusion


@pytest.mark.parametrize('num_classes, values', [(4, [0, 1, 2, 3, 255]), (5, [0, 1, 3, 255]), (21, range(21))])
def test_same_areas_and_scores_as_iou_metric(num_classes, values):
    pytest.importorskip('mmseg')
    from mmseg.evaluation import IoUMetric
    rng = np.random.default_rng(num_classes)
    prediction, truth = rng.choice(list(values), (2, 40, 50))
    counts = confusion(prediction, truth, num_classes)
    hits, union, predicted, true = areas = IoUMetric.intersect_and_union(
        torch.from_numpy(prediction), torch.from_numpy(truth), num_classes, ignore_index=255)
    np.testing.assert_array_equal(np.diagonal(counts), hits)
    np.testing.assert_array_equal(counts.sum(axis=0)[:-1], predicted)
    np.testing.assert_array_equal(counts.sum(axis=1), true)

    reference = IoUMetric.total_area_to_metrics(*areas, metrics=['mIoU', 'mFscore'])
    scores = Scores.of(counts)
    for name, values in (('IoU', scores.iou), ('Precision', scores.precision), ('Recall', scores.recall)):
        np.testing.assert_allclose(values, reference[name], rtol=1e-6)
        assert getattr(scores, {'IoU': 'mean_iou'}.get(name, f'mean_{name.lower()}')) == pytest.approx(
            np.nanmean(reference[name]), rel=1e-6)
