"""Labels of cells from masks and boxes, against slow references; overlaps, crowds, padding, bad annotations."""
import math

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from tiny_detectors import rectangles, sample

from mmfbr.files import InputError
from mmfbr.models import instance_labels
from mmfbr.models.instance_labels import UNKNOWN, Boxes, box_cells, box_labels, box_loss, instances_of, mask_labels

BG = 3


def labels_of(made, grid=(8, 12), plane=(32, 48)):
    return mask_labels(instances_of(made, 3), grid, plane, BG)


def slow_labels(masks, labels, ignored, size, grid, plane):
    """One cell after the other: the instance of the fewest cells that covers its centre."""
    found = np.full(grid, BG)
    centre = [[(int((r + 0.5) * plane[0] / grid[0]), int((c + 0.5) * plane[1] / grid[1])) for c in range(grid[1])]
              for r in range(grid[0])]
    area = [sum(bool(mask[y, x]) for row in centre for y, x in row) for mask in masks]
    for r in range(grid[0]):
        for c in range(grid[1]):
            y, x = centre[r][c]
            covering = [i for i in range(len(masks)) if masks[i][y, x]]
            if covering:
                found[r, c] = labels[min(covering, key=lambda i: area[i])]
            if any(mask[y, x] for mask in ignored) or y >= size[0] or x >= size[1]:
                found[r, c] = UNKNOWN
    return found


@pytest.mark.parametrize(('grid', 'plane', 'size'), [((8, 12), (32, 48), (32, 48)), ((7, 10), (32, 48), (30, 41)),
                                                     ((1, 1), (32, 48), (32, 48)), ((40, 50), (32, 48), (20, 48))])
def test_masks_against_a_slow_reference(grid, plane, size):
    rng = np.random.default_rng(0)
    masks = np.zeros((6, *plane), np.uint8)
    for mask in masks:
        y, x, h, w = rng.integers(0, 20), rng.integers(0, 30), rng.integers(1, 20), rng.integers(1, 30)
        mask[y:y + h, x:x + w] = rng.random((min(h, plane[0] - y), min(w, plane[1] - x))) < 0.8
    labels, crowd = [0, 1, 2, 0, 1], masks[5:]
    made = sample(np.zeros((5, 4)), labels, BitmapMasks(masks[:5], *plane), size, [[0, 0, 9, 9]],
                  BitmapMasks(crowd, *plane), plane)
    expected = slow_labels(masks[:5], labels, crowd, size, grid, plane)
    np.testing.assert_array_equal(labels_of(made, grid, plane), expected)
    made.gt_instances.masks = torch.from_numpy(masks[:5])  # as some heads leave them
    np.testing.assert_array_equal(labels_of(made, grid, plane), expected)


def test_smaller_instance_wins_in_either_order():
    boxes = [[0, 0, 32, 32], [8, 8, 16, 16]]
    for order in ([0, 1], [1, 0]):
        found = labels_of(sample([boxes[i] for i in order], order))
        assert (found[2:4, 2:4] == 1).all() and (found[0] == [0] * 8 + [BG] * 4).all()


def test_polygons_are_sampled_at_the_centres_of_cells():
    box = [[8, 4, 40, 24]]
    polygons = PolygonMasks([[np.array([8., 4, 40, 4, 40, 24, 8, 24])]], 32, 48)
    np.testing.assert_array_equal(labels_of(sample(box, [1], polygons)), labels_of(sample(box, [1])))
    rng = np.random.default_rng(1)
    angles, radii = np.linspace(0, 2 * math.pi, 12, endpoint=False), rng.uniform(60, 110, 12)
    star = np.stack([160 + radii * np.cos(angles), 120 + radii * np.sin(angles)], 1).ravel()
    polygons = PolygonMasks([[star]], 240, 320)
    made = sample([[0, 0, 1, 1]], [1], polygons, (240, 320))
    drawn = sample([[0, 0, 1, 1]], [1], polygons.to_bitmap(), (240, 320))
    ours, theirs = (labels_of(image, (60, 80), (240, 320)) for image in (made, drawn))
    assert (ours == 1).sum() > 1000 and (ours != theirs).mean() < 0.005


def test_no_instance_is_background_and_padding_is_unknown():
    found = labels_of(sample([], [], size=(16, 48), plane=(32, 48)))
    assert (found[:4] == BG).all() and (found[4:] == UNKNOWN).all()


def test_empty_mask_has_no_cell():
    made = sample([[0, 0, 8, 8], [4, 4, 4, 4]], [0, 1], BitmapMasks(np.zeros((2, 32, 48), np.uint8), 32, 48))
    assert (labels_of(made) == BG).all()


def test_crowd_without_a_usable_mask_is_ignored_in_its_box():
    for masks in (None, PolygonMasks([[np.zeros(6)]], 32, 48), BitmapMasks(np.zeros((1, 32, 48), np.uint8), 32, 48)):
        found = labels_of(sample([[0, 0, 8, 8]], [0], ignored=[[16, 0, 32, 16]], ignored_masks=masks))
        assert (found[:4, 4:8] == UNKNOWN).all() and (found == UNKNOWN).sum() == 16 and (found[:2, :2] == 0).all()


@pytest.mark.parametrize(('change', 'words'), [
    (dict(labels=torch.tensor([3])), r'images/7.jpg has the label 3, and the detector has 3 classes.*metainfo.classes'),
    (dict(labels=torch.tensor([-1])), 'has the label -1'),
    (dict(bboxes=torch.tensor([[0., 0, math.nan, 4]])), r'has the box \[0.0, 0.0, nan, 4.0\]'),
    (dict(bboxes=torch.zeros(1, 5)), r'1 labels and boxes of the shape \(1, 5\)'),
    (dict(masks=BitmapMasks(np.zeros((1, 16, 48), np.uint8), 16, 48)),
     'has 48 x 32 pixels where its masks have 48 x 16'),
])
def test_bad_annotations_are_named(change, words):
    made = sample([[0, 0, 8, 8]], [0])
    for key, value in change.items():
        made.gt_instances.set_field(value, key)
    with pytest.raises(InputError, match=words):
        labels_of(made)


def test_missing_annotations_are_named():
    made = sample([[0, 0, 8, 8]], [0])
    del made.gt_instances.masks
    with pytest.raises(InputError, match="'mask', but the image images/7.jpg comes without masks.*supervision='box'"):
        labels_of(made)
    with pytest.raises(InputError, match='1 labels and 0 masks'):
        mask_labels(instances_of(made, 3)._replace(masks=rectangles([], (32, 48))), (8, 12), (32, 48), BG)
    del made.gt_instances
    with pytest.raises(InputError, match='LoadAnnotations'):
        labels_of(made)


def test_boxes_of_mmdets_own_type():
    made = sample([[0, 0, 8, 8]], [0])
    made.gt_instances.bboxes = HorizontalBoxes(made.gt_instances.bboxes)
    assert (labels_of(made)[:2, :2] == 0).all()


# Boxes

@pytest.mark.parametrize(('box', 'rows', 'columns'), [
    ([0, 0, 48, 32], (0, 8), (0, 12)), ([8, 4, 16, 12], (1, 3), (2, 4)), ([9, 4, 17, 12], (1, 3), (2, 4)),
    ([8, 8, 9, 32], (2, 8), (2, 3)),  # narrower than a cell: the cell it lies in
    ([-9, -9, 99, 99], (0, 8), (0, 12)), ([8, 8, 8, 32], (0, 0), (0, 0)), ([9, 9, 8, 8], (0, 0), (0, 0))])
def test_cells_of_a_box(box, rows, columns):
    found = box_cells(box, (8, 12), (32, 48))
    assert [(part.start, part.stop) for part in found] == [rows, columns]


def boxes(made, grid=(8, 12), plane=(32, 48)):
    return instance_labels.boxes_on(instances_of(made, 3), grid, plane, 'cpu')


def test_box_labels_are_the_map_restricted_to_the_box():
    made = sample([[0, 0, 32, 32], [16, 16, 32, 32]], [0, 1], ignored=[[40, 0, 48, 8]])
    scores = torch.full((4, 8, 12), 0.1)
    scores[BG] = 0.5
    scores[0, 0, :3] = torch.tensor([0.9, 0.6, 0.4])  # the third: less likely than the background
    scores[0, 1, :2] = torch.tensor([0.55, 0.2])
    scores[1, 0, 0] = 0.95  # outside of its box
    scores[1, 5, 5] = 0.6
    scores[0, 5, 6] = 0.9  # where the smaller box speaks
    found = box_labels(boxes(made), scores, BG, 0.65)
    assert found[0, :3].tolist() == [0, 0, UNKNOWN]
    assert found[1, :2].tolist() == [UNKNOWN, UNKNOWN]  # 0.55 is less than 0.65 of 0.9
    assert found[5, 5] == 1 and (found == 0).sum() == 2 and (found == 1).sum() == 1
    assert (found[2:, 8:] == BG).all() and (found[:2, 10:] == UNKNOWN).all()


def test_boxes_alone_label_nothing_inside_while_the_background_is_likelier():
    scores = torch.full((4, 8, 12), 0.1)
    scores[BG] = 0.7
    found = box_labels(boxes(sample([[0, 0, 32, 32]], [0])), scores, BG, 0.5)
    assert (found[:, :8] == UNKNOWN).all() and (found[:, 8:] == BG).all()


def slow_box_loss(logits, view, labels):
    p = logits.double().softmax(0)
    cells, tight = 0.0, 0.0
    for r in range(labels.shape[0]):
        for c in range(labels.shape[1]):
            if not view.valid[r, c]:
                continue
            allowed = {BG} | {k for k, rows, columns in view.regions
                              if rows.start <= r < rows.stop and columns.start <= c < columns.stop}
            allowed = {int(labels[r, c])} if labels[r, c] != UNKNOWN else allowed
            cells -= math.log(sum(float(p[k, r, c]) for k in allowed))
    for k, rows, columns in view.regions:
        block = p[k, rows, columns]
        valid = view.valid[rows, columns]
        lines = [p[seen] for p, seen in zip([*block, *block.T], [*valid, *valid.T], strict=True) if seen.any()]
        tight -= sum(math.log(float(line.max())) for line in lines) / len(lines)
    return cells, tight


def test_box_loss_against_a_slow_reference():
    made = sample([[0, 0, 32, 32], [16, 16, 40, 32], [20, 0, 44, 12]], [0, 1, 0], ignored=[[36, 0, 48, 8]])
    view, logits = boxes(made), torch.randn(4, 8, 12, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels = box_labels(view, logits.softmax(0), BG, 0.5)
    assert {0, 1, BG, UNKNOWN} == set(labels.unique().tolist())
    found = box_loss(logits, view, labels, BG)
    for value, expected in zip(found, slow_box_loss(logits, view, labels), strict=True):
        assert float(value.detach()) == pytest.approx(expected, rel=1e-5)
    sum(found).backward()
    assert torch.isfinite(logits.grad).all() and not logits.grad[:, :2, 9:].any()


def test_box_loss_without_boxes_or_valid_cells_is_connected():
    logits = torch.randn(4, 2, 2, requires_grad=True)
    nothing = Boxes([], torch.zeros(2, 2, dtype=torch.bool))
    sum(box_loss(logits, nothing, torch.full((2, 2), UNKNOWN), BG)).backward()
    assert not logits.grad.any()


def test_a_classifier_finds_the_object_from_its_box_alone():
    """A plus in a box: the box's corners look like the outside, and nothing but the box is told."""
    torch.manual_seed(0)
    truth = torch.zeros(16, 16, dtype=torch.bool)
    truth[7:9, 3:13] = truth[3:13, 7:9] = True
    features = torch.randn(6, 16, 16) * 0.2
    features[0] += truth
    made = sample([[12, 12, 52, 52]], [1], size=(64, 64))
    view = boxes(made, (16, 16), (64, 64))
    weight, bias = torch.zeros(4, 6, requires_grad=True), torch.tensor([0., 0, 0, 3], requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], 0.1)
    for _ in range(150):
        logits = torch.einsum('cl,lhw->chw', weight, features) + bias[:, None, None]
        labels = box_labels(view, logits.detach().softmax(0), BG, 0.5)
        cells, tight = box_loss(logits, view, labels, BG)
        optimizer.zero_grad()
        (cells / view.valid.sum() + tight).backward()
        optimizer.step()
    found = labels == 1
    assert (found & truth).sum() / (found | truth).sum() > 0.7
