"""mAP^r: matching and areas against slow loops, and all of it against pycocotools on the same scenes."""
import numpy as np
import pytest
from instance_scenes import coco_results, scene, write
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmfbr.evaluation import evaluate_instances, read_predictions, read_truth
from mmfbr.evaluation.instance_ap import (
    ASIDE,
    FALSE,
    HIT,
    InstanceScores,
    area,
    average_precisions,
    interpolated,
    match_coco,
    match_voc,
    mean_at_101,
)

IOUS = (0.25, 0.5, 0.7, 0.75)


def of(rows, counted=None, threshold=0.5, match=match_voc):
    ious = np.array(rows, float)
    counted = np.ones(ious.shape[1], bool) if counted is None else np.array(counted, bool)
    return match(ious, counted, threshold).tolist()


@pytest.mark.parametrize(('rows', 'voc', 'coco'), [
    ([[0.5, 0], [0.4, 0.6]], [HIT, HIT], [HIT, HIT]),
    ([[0.49, 0], [0, 1]], [FALSE, HIT], [FALSE, HIT]),
    ([[0.9, 0], [0.8, 0]], [HIT, FALSE], [HIT, FALSE]),
    ([[0.9, 0.6], [0.8, 0.7]], [HIT, FALSE], [HIT, HIT]),  # the second's best is taken, another would do
    ([[0.6, 0.6], [0.6, 0.1]], [HIT, FALSE], [HIT, HIT]),  # of equals, voc takes the first and coco the last
])
def test_partners(rows, voc, coco):
    assert of(rows) == voc and of(rows, match=match_coco) == coco


@pytest.mark.parametrize('match', [match_voc, match_coco])
def test_what_does_not_count_is_a_partner_only_where_nothing_else_is(match):
    assert of([[0, 0.9], [0, 0.7], [0.5, 0.9], [0.1, 0.2]], [1, 0], match=match) == [ASIDE, ASIDE, HIT, FALSE]
    assert of([[0.9]], [0], match=match) == [ASIDE]


@pytest.mark.parametrize('match', [match_voc, match_coco])
@pytest.mark.parametrize('shape', [(0, 0), (0, 3), (2, 0), (1, 1)])
def test_few_and_none(match, shape):
    assert match(np.zeros(shape), np.ones(shape[1], bool), 0.5).tolist() == [FALSE] * shape[0]


def test_known_curve():
    # hit, false, hit of four: precision 1, 1/2, 2/3 at recall 1/4, 1/4, 1/2
    recall, precision = interpolated(np.array([HIT, FALSE, ASIDE, HIT]), np.array([4., 3., 2., 1.]), 4)
    assert recall.tolist() == [0.25, 0.25, 0.5] and precision == pytest.approx([1, 2 / 3, 2 / 3])
    assert area(recall, precision) == pytest.approx(0.25 + 0.25 * 2 / 3)
    assert mean_at_101(recall, precision) == pytest.approx((26 + 25 * 2 / 3) / 101)  # recalls 0 to .25, .26 to .5


def test_scores_decide_the_order_not_the_place():
    cases = [(np.array([0.1, 0.9]), np.array([[1.], [0.6]]), np.array([True]))]
    assert average_precisions(cases, [0.5, 0.9]).tolist() == [1.0, 0.5]


def test_classes_without_ground_truth_are_left_out_of_the_mean():
    nothing = (np.zeros(0), np.zeros((0, 0)), np.zeros(0, bool))
    crowd_alone = (np.ones(1), np.ones((1, 1)), np.zeros(1, bool))
    for none in ([], [nothing, crowd_alone]):
        assert np.isnan(average_precisions(none, IOUS)).all()
    assert average_precisions([(np.zeros(0), np.zeros((0, 2)), np.ones(2, bool))], IOUS).tolist() == [0] * 4
    scores = InstanceScores(['cow', 'car'], (0.5, ), np.array([[0.5, np.nan]]), np.array([2, 0]), np.array([1, 3]))
    assert scores.mean.tolist() == [0.5]
    assert scores.as_dict()['classes'][1] == dict(name='car', ap={'0.5': None}, truths=0, predictions=3)
    assert scores.table().splitlines()[1:] == ['cow            50.00          2          1',
                                               'car                -          0          3',
                                               'mean           50.00          2          4']


def slow(cases, threshold):
    """The VOC protocol word by word: one prediction after the other, the area as sums of rectangles."""
    ranked = sorted(((score, image, row) for image, (scores, ious, _) in enumerate(cases)
                     for score, row in zip(scores, ious, strict=True)), key=lambda entry: -entry[0])
    positives, taken, hits, points = sum(counted.sum() for *_, counted in cases), set(), 0, [(0, 0)]
    for number, (_, image, row) in enumerate(ranked, 1):
        best = max(range(len(row)), key=lambda g: row[g], default=None)
        if best is not None and row[best] >= threshold and (image, best) not in taken:
            taken.add((image, best))
            hits += 1
        points.append((hits / positives, hits / number))
    return sum((points[n][0] - points[n - 1][0]) * max(p for _, p in points[n:]) for n in range(1, len(points)))


@pytest.mark.parametrize('seed', range(20))
def test_against_the_protocol_word_by_word_and_between_the_conventions(seed):
    random = np.random.default_rng(seed)
    cases = [(random.random(d), random.random((d, g)) ** 2, np.ones(g, bool))
             for d, g in random.integers(0, 9, (6, 2))] + [(random.random(2), random.random((2, 3)), np.ones(3, bool))]
    voc, coco = (average_precisions(cases, IOUS, convention) for convention in ('voc', 'coco'))
    assert voc == pytest.approx([slow(cases, threshold) for threshold in IOUS])
    assert (voc <= coco + 0.01).all()  # fewer or as many hits in each part of the ranking, and 0.01 between the areas


def pycocotools_ap(truth, results, iou):
    """{category id: AP} at one IoU, without a limit on the predictions; classes without ground truth left out."""
    evaluation = COCOeval(COCO(truth), COCO(truth).loadRes(results), 'segm')
    evaluation.params.iouThrs, evaluation.params.maxDets = np.array([iou]), [10_000]
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ['all']
    evaluation.evaluate(), evaluation.accumulate()
    found = evaluation.eval['precision'][0, :, :, 0, 0]
    return {category: found[:, index].mean() for index, category in enumerate(evaluation.params.catIds)
            if found[0, index] > -1}


@pytest.mark.parametrize(('overlapping', 'crowds'), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize('seed', range(4))
def test_against_pycocotools(tmp_path, seed, overlapping, crowds, capsys):
    truth, results = write(tmp_path, *scene(seed, overlapping, crowds))
    ours = {convention: evaluate_instances(results, truth, IOUS, convention) for convention in ('coco', 'voc')}
    for index, iou in enumerate(IOUS):
        theirs = pycocotools_ap(str(truth), str(results), iou)
        columns = {category: column for column, category in enumerate(read_truth(truth).categories)}
        coco = {c: ours['coco'].ap[index, column] for c, column in columns.items()
                if not np.isnan(ours['coco'].ap[index, column])}
        assert coco == pytest.approx(theirs, abs=1e-12)
        voc = np.array([ours['voc'].ap[index, columns[category]] for category in theirs])
        difference = voc - np.array([*theirs.values()])
        assert (difference <= 0.01).all()
        if iou > 0.5 and not overlapping:
            assert (abs(difference) <= 0.01).all()  # the areas alone
    assert not np.isnan(ours['voc'].mean).any()


def test_the_scenes_tell_the_conventions_apart(tmp_path):
    """Else the comparison above would be empty."""
    differences, values = [], []
    for seed in range(4):
        truth, results = write(tmp_path, *scene(seed, True, False))
        voc, coco = (evaluate_instances(results, truth, IOUS, convention).ap for convention in ('voc', 'coco'))
        differences.append(np.nanmin(voc - coco))
        values.extend(coco[~np.isnan(coco)].tolist())
    assert min(differences) < -0.02 and 0.1 < np.mean(values) < 0.9


def test_annotation_file_and_result_list_are_one(tmp_path):
    """Predictions as an annotation file with ids of its own are found by file name and category name."""
    truth, results = write(tmp_path, *scene(0, False, False))
    listed = read_predictions(results, read_truth(truth))
    content = coco_results(truth, results, shift=50)
    again = read_predictions(content, read_truth(truth))
    assert [entry[:3] for entry in listed] == [entry[:3] for entry in again] and len(listed) > 20
