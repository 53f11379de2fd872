"""Instance files that do not fit together end in a sentence; the tool and the metric give the same numbers."""
import json

import numpy as np
import pytest
import torch
from instance_scenes import CATEGORIES, SIZE, annotation, runs, scene, write
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS
from pycocotools import mask as coco
from tool_modules import load_tool

from mmfbr.evaluation import THRESHOLDS, evaluate_instances, read_predictions, read_truth
from mmfbr.evaluation.instance_metric import VOCInstanceMetric
from mmfbr.files import InputError


@pytest.fixture(scope='module')
def tool():
    return load_tool('eval_instances')


BOX = np.zeros(SIZE, bool)
BOX[5:20, 10:30] = True


def small():
    """One cow in the first of two images, found."""
    images = [dict(id=image, file_name=f'{image}.jpg', height=SIZE[0], width=SIZE[1]) for image in (1, 2)]
    truth = dict(images=images, categories=CATEGORIES, annotations=[annotation(1, 1, 3, BOX)])
    return truth, [dict(image_id=1, category_id=3, segmentation=runs(BOX), score=0.5)]


def test_one_mask(tmp_path):
    truth, results = write(tmp_path, *small())
    assert evaluate_instances(results, truth).mean.tolist() == [1] * 4


@pytest.mark.parametrize('form', ['polygon', 'list', 'text'])
def test_forms_of_a_mask(tmp_path, form):
    truth, results = small()
    flat = BOX.flatten(order='F').astype(int)
    edges = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    results[0]['segmentation'] = dict(polygon=[[10, 5, 30, 5, 30, 20, 10, 20]], text=runs(BOX), list=dict(
        size=list(SIZE), counts=np.diff(edges).tolist()))[form]
    assert evaluate_instances(*write(tmp_path, truth, results)[::-1], [0.99]).mean.tolist() == [1]


def test_masks_without_a_pixel_are_no_ground_truth_and_no_prediction(tmp_path):
    truth, results = small()
    empty = np.zeros(SIZE, bool)
    truth['annotations'] += [annotation(2, 1, 3, empty), annotation(3, 2, 3, empty, segmentation=[[1, 1, 2, 2]])]
    results += [dict(results[0], score=0.9, segmentation=[[1, 1, 2, 2]])]
    scores = evaluate_instances(*write(tmp_path, truth, results)[::-1])
    assert scores.mean.tolist() == [1] * 4 and scores.truths.tolist() == scores.predictions.tolist() == [1, 0, 0]


@pytest.mark.parametrize('flag', ['iscrowd', 'ignore', 'difficult'])
def test_what_does_not_count(tmp_path, flag):
    truth, results = small()
    other = np.roll(BOX, 18, axis=0)
    truth['annotations'].append({**annotation(2, 1, 3, other), flag: 1})
    results.append(dict(results[0], score=0.9, segmentation=runs(other)))
    assert evaluate_instances(*write(tmp_path, truth, results)[::-1]).mean.tolist() == [1] * 4


def change(place, **more):
    def apply(truth, results):
        entry = dict(truth=truth['annotations'][0], pred=results[0])[place]
        for key, value in more.items():
            entry.pop(key) if value is None else entry.update({key: value})
    return apply


@pytest.mark.parametrize(('damage', 'sentence'), [
    (change('pred', image_id=5), r'prediction 0 of .*results.json is of image 5, which the ground truth does not have. '
                                 r'Score it against .*truth.json is not'),
    (change('pred', category_id=4), 'prediction 0 of .* is of category 4, which'),
    (change('pred', score=None), "An entry has no 'score': prediction 0 of .*results.json. Write the file again"),
    (change('pred', score=float('nan')), 'The score of prediction 0 of .* is nan; it must be a finite number'),
    (change('pred', score='high'), "is 'high'; it must be"),
    (change('pred', segmentation=runs(BOX[:9])), r'prediction 0 of .*json are of size \[9, 60\], its image of \[40'),
    (change('pred', segmentation=7), 'segmentation of prediction 0 of .*json is neither polygons nor run lengths'),
    (change('truth', image_id=5), 'annotation 1 of the ground truth .*truth.json is of image 5, which .* Take it out'),
    (change('truth', category_id=4), 'annotation 1 of .* is of category 4'),
    (change('truth', segmentation=None), "no 'segmentation': annotation 1 of the ground truth"),
    (change('truth', segmentation=runs(BOX[:9])), 'run lengths of annotation 1 of the ground truth .* are of size'),
    (change('truth', iscrowd=1), 'holds no mask that counts. Give the file of annotated images'),
    (lambda truth, results: results.clear(), 'results.json hold no mask. Make them again with a lower score'),
    (lambda truth, results: truth.pop('categories'), 'truth.json is no COCO annotation file'),
    (lambda truth, results: truth['images'][0].pop('height'), "no 'height': the ground truth"),
])
def test_faults(tmp_path, damage, sentence, tool, capsys):
    truth, results = small()
    damage(truth, results)
    truth, results = write(tmp_path, truth, results)
    with pytest.raises(InputError, match=sentence):
        evaluate_instances(results, truth)
    assert tool.main([str(results), str(truth), '--json', str(tmp_path / 'out.json')]) == 2
    assert capsys.readouterr().err.count('\n') == 1 and not (tmp_path / 'out.json').exists()


def test_category_and_image_of_an_annotation_file_are_named_by_their_names(tmp_path):
    truth, results = small()
    path, _ = write(tmp_path, truth, results)
    other = dict(truth, categories=[dict(id=3, name='horse')], annotations=results)
    (tmp_path / 'pred.json').write_text(json.dumps(other))
    with pytest.raises(InputError, match="is of category 'horse', which the ground truth does not have"):
        evaluate_instances(tmp_path / 'pred.json', path)
    other = dict(truth, images=[dict(id=1, file_name='z.jpg', height=1, width=1)], annotations=results)
    (tmp_path / 'pred.json').write_text(json.dumps(other))
    with pytest.raises(InputError, match="is of image 'z', which the ground truth does not have"):
        evaluate_instances(tmp_path / 'pred.json', path)
    (tmp_path / 'pred.json').write_text('{"images": []}')
    with pytest.raises(InputError, match='The predictions .*pred.json is no COCO annotation file'):
        evaluate_instances(tmp_path / 'pred.json', path)


def test_tool(tmp_path, tool, capsys):
    truth, results = write(tmp_path, *scene(0, False, False))
    assert tool.main([str(results), str(truth), '--iou', '0.5', '--json', str(tmp_path / 'out.json')]) == 0
    scores = evaluate_instances(results, truth, (0.5, ))
    assert capsys.readouterr().out == scores.table() + '\n'
    assert json.loads((tmp_path / 'out.json').read_text()) == scores.as_dict()
    assert tool.main([str(results), str(truth)]) == 0
    assert 'AP 0.25     AP 0.5     AP 0.7    AP 0.75' in capsys.readouterr().out
    with pytest.raises(SystemExit):
        tool.main([str(results), str(truth), '--iou', '0'])


# The metric

CLASSES = ('car', 'never there', 'cow')  # another order than the file's


def samples(truth, results, as_tensor):
    """What mmdet's test loop hands to a metric, one sample an image."""
    names = {entry['id']: entry['name'] for entry in json.loads(truth.read_text())['categories']}
    results, images = json.loads(results.read_text()), json.loads(truth.read_text())['images']
    for image in images:
        found = [entry for entry in results if entry['image_id'] == image['id']]
        masks = [coco.decode(entry['segmentation']) for entry in found]
        masks = (torch.tensor(np.array(masks)).bool().reshape(-1, *SIZE) if as_tensor else
                 [coco.encode(np.asfortranarray(mask)) for mask in masks])
        yield dict(img_id=image['id'], pred_instances=dict(
            masks=masks, scores=torch.tensor([entry['score'] for entry in found], dtype=torch.float64),
            labels=torch.tensor([CLASSES.index(names[entry['category_id']]) for entry in found], dtype=torch.int64)))


@pytest.mark.parametrize('as_tensor', [True, False])
def test_metric_gives_the_tool_s_numbers(tmp_path, as_tensor):
    truth, results = write(tmp_path, *scene(1, False, True))
    metric = METRICS.build(dict(type='VOCInstanceMetric', ann_file=str(truth), outfile_prefix=str(tmp_path / 'out')))
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = dict(classes=CLASSES)
    for sample in samples(truth, results, as_tensor):
        evaluator.process([sample])
    scores = evaluate_instances(results, truth)
    assert evaluator.evaluate(6) == {f'voc/mAP{100 * threshold:g}': pytest.approx(100 * mean)
                                     for threshold, mean in zip(THRESHOLDS, scores.mean, strict=True)}
    assert np.array_equal(evaluate_instances(tmp_path / 'out.segm.json', truth).ap, scores.ap, equal_nan=True)


def test_metric_without_a_prediction_and_with_scores_of_masks(tmp_path):
    truth, results = write(tmp_path, *small())
    metric = VOCInstanceMetric(str(truth), thresholds=(0.5, ))
    metric.dataset_meta = dict(classes=CLASSES)
    nothing = dict(masks=torch.zeros(0, *SIZE).bool(), scores=torch.zeros(0), labels=torch.zeros(0).long())
    metric.process([], [dict(img_id=1, pred_instances=nothing)])
    assert metric.compute_metrics(metric.results) == {'mAP50': 0}
    twice = dict(masks=torch.tensor(np.stack([~BOX, BOX])), scores=torch.tensor([0.9, 0.1]),
                 labels=torch.tensor([2, 2]))
    for changes, expected in (({}, 50), (dict(mask_scores=torch.tensor([0.1, 0.9])), 100)):
        metric.results.clear()
        metric.process([], [dict(img_id=1, pred_instances=twice | changes)])
        assert metric.compute_metrics(metric.results) == {'mAP50': expected}


def test_metric_refuses_what_does_not_fit(tmp_path):
    truth, _ = write(tmp_path, *small())
    with pytest.raises(ValueError, match="convention is 'x'; choose one of voc, coco"):
        VOCInstanceMetric(str(truth), convention='x')
    for thresholds in ((), (0, ), (1.1, )):
        with pytest.raises(ValueError, match='each above 0 and at most 1'):
            VOCInstanceMetric(str(truth), thresholds)
    metric = VOCInstanceMetric(str(truth))
    metric.dataset_meta = dict(classes=('cow', 'dog'))
    with pytest.raises(InputError, match="has no category 'dog', a class of the data set"):
        metric.compute_metrics([])
    metric.dataset_meta = dict(classes=('cow', ))
    with pytest.raises(InputError, match='has no image 9, which was tested'):
        metric.compute_metrics([(9, [], [], [])])


def test_images_of_one_name_in_two_folders_are_two(tmp_path):
    truth, results = small()
    for image, folder in zip(truth['images'], 'ab', strict=True):
        image['file_name'] = f'{folder}/x.jpg'
    path, _ = write(tmp_path, truth, results)
    turned = [{**image, 'id': 3 - image['id']} for image in truth['images']]
    (tmp_path / 'pred.json').write_text(json.dumps(dict(truth, images=turned, annotations=results)))
    assert [entry[0] for entry in read_predictions(tmp_path / 'pred.json', read_truth(path))] == [2]
