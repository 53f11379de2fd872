"""What instance annotations say about the cells of a feature map: labels from masks; labels and bounds from boxes.

Cells are sampled at their centres, in the plane of the padded batch, and nothing is computed at the images' size.
"""
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmfbr.files import InputError

UNKNOWN = -1  # label of cells that do not count; 255 may be a class (LVIS has 1203)


class Instances(NamedTuple):
    """Of one image, as references: heads may put other objects into the sample."""
    labels: list
    """n ints in [0, C)."""
    boxes: Tensor
    """(n, 4), x1, y1, x2, y2 in pixels of the network's input."""
    masks: object
    """mmdet's BitmapMasks or PolygonMasks, a tensor (n, h, w), or None."""
    ignored_boxes: list
    """Of crowds and other annotations to be left out: (x1, y1, x2, y2)."""
    ignored_masks: object
    """Theirs, or None."""
    size: tuple
    """(height, width) of the image without padding."""
    name: str
    """What messages call the image."""


def instances_of(sample, num_classes):
    """The ``Instances`` of a ``DetDataSample``.

    Raises:
        InputError: for a sample without annotations, a label outside [0, ``num_classes``), a box that is not finite,
            or another number of boxes than labels.
    """
    name = f'the image {sample.get("img_path") or sample.get("img_id", "(without a path)")}'
    if 'gt_instances' not in sample or 'labels' not in sample.gt_instances or 'bboxes' not in sample.gt_instances:
        raise InputError(f'FBRDetector: {name} comes without annotations (gt_instances with labels and bboxes). Let '
                         'the training pipeline begin with LoadAnnotations(with_bbox=True) and end with PackDetInputs.')
    known, ignored = sample.gt_instances, sample.get('ignored_instances', {})
    # Numpy, slices and checks need them here. The wait is short: mmengine waits for the device after every step.
    labels, boxes = known.labels.tolist(), _tensor(known.bboxes)
    wrong = [label for label in labels if not 0 <= label < num_classes]
    if wrong:
        raise InputError(f'FBRDetector: {name} has the label {wrong[0]}, and the detector has {num_classes} classes (0 '
                         f'to {num_classes - 1}). Set num_classes of its heads, and metainfo.classes of the data set, '
                         'to the classes of the annotations.')
    if boxes.shape != (len(labels), 4):
        raise InputError(f'FBRDetector: {name} has {len(labels)} labels and boxes of the shape {tuple(boxes.shape)}; '
                         'it takes one box x1, y1, x2, y2 for each.')
    others = _tensor(ignored.bboxes).tolist() if 'bboxes' in ignored else []
    for box in [*boxes.tolist(), *others]:
        if not np.isfinite(box).all():
            raise InputError(f'FBRDetector: {name} has the box {box}. Correct the annotation.')
    return Instances(labels, boxes, known.get('masks'), others, ignored.get('masks'), tuple(sample.img_shape[:2]), name)


def _tensor(boxes):
    return boxes if isinstance(boxes, Tensor) else boxes.tensor  # mmdet's BaseBoxes, with boxtype2tensor=False


def mask_labels(instances, grid, plane, background):
    """Labels (H, W) int64 from masks, a numpy array; of overlapping instances the smaller one has the cell,
    of equal ones the first.

    Crowds and padding are ``UNKNOWN``. An ignored annotation without a usable mask is ignored in its whole box.

    Args:
        instances (Instances): with masks.
        grid (tuple[int, int]): (H, W) of the feature map.
        plane (tuple[int, int]): height and width in pixels that the map covers, the padded batch's.
        background (int): label of cells without instance.

    Raises:
        InputError: when there are no masks, or their number or size does not fit.
    """
    count, masks = len(instances.labels), instances.masks
    if masks is None:
        raise InputError(f"FBRDetector: fbr.supervision is 'mask', but {instances.name} comes without masks. Give "
                         "LoadAnnotations with_mask=True, or set fbr.supervision='box'.")
    if len(masks) != count:
        raise InputError(f'FBRDetector: {instances.name} has {count} labels and {len(masks)} masks.')
    covered = _sampled(masks, grid, plane, instances)
    labels = np.full(grid, background, np.int64)
    area = covered.sum((1, 2))
    for index in sorted(range(count), key=lambda i: (-area[i], -i)):
        np.copyto(labels, instances.labels[index], where=covered[index])
    labels[ignored_cells(instances, grid, plane)] = UNKNOWN
    return labels


def ignored_cells(instances, grid, plane):
    """(H, W) bool, numpy: cells in padding or in an annotation that is to be ignored."""
    cells = np.zeros(grid, bool)
    centres = [(np.arange(cells) + 0.5) * length / cells for cells, length in zip(grid, plane, strict=True)]
    cells[centres[0] >= instances.size[0]] = True
    cells[:, centres[1] >= instances.size[1]] = True
    masks = instances.ignored_masks
    covered = _sampled(masks, grid, plane, instances) if masks is not None and len(masks) else None
    for index, box in enumerate(instances.ignored_boxes):
        if covered is not None and (covered[index].any() or _has_pixels(masks, index)):
            cells |= covered[index]
        else:  # a crowd's RLE is no polygon: mmdet puts an empty one in its place
            cells[box_cells(box, grid, plane)] = True
    return cells


def _has_pixels(masks, index):
    pixels = masks[index] if isinstance(masks, Tensor) else masks.masks[index]
    return any(np.ptp(polygon) > 0 for polygon in pixels) if isinstance(pixels, list) else bool(pixels.any())


def _sampled(masks, grid, plane, instances):
    """(n, H, W) bool: which cells have their centre in which mask."""
    if not len(masks):
        return np.zeros((0, *grid), bool)
    height, width = masks.shape[1:] if isinstance(masks, Tensor) else (masks.height, masks.width)
    if height < instances.size[0] or width < instances.size[1]:
        raise InputError(f'FBRDetector: {instances.name} has {instances.size[1]} x {instances.size[0]} pixels where '
                         f'its masks have {width} x {height}. A transform of the pipeline resizes one without the '
                         'other.')
    pixels = masks if isinstance(masks, Tensor) else masks.masks
    if isinstance(pixels, list):
        return np.stack([_polygon_cells(polygons, grid, plane) for polygons in pixels])
    # What lies beyond the mask is padding, and padding is left out whatever is read for it.
    rows, columns = (np.minimum(((np.arange(n) + 0.5) * length / n).astype(int), end - 1)
                     for n, length, end in zip(grid, plane, (height, width), strict=True))
    if isinstance(pixels, Tensor):
        rows, columns = (torch.as_tensor(index, device=pixels.device) for index in (rows, columns))
        return (pixels[:, rows[:, None], columns] > 0).cpu().numpy()
    return pixels[:, rows[:, None], columns] > 0


def _polygon_cells(polygons, grid, plane):
    """(H, W) bool: polygons in pixels, shrunk to the grid; COCO's way to draw them samples at the cells' centres."""
    from pycocotools import mask
    scale = np.array([grid[1] / plane[1], grid[0] / plane[0]])
    shrunk = [(np.asarray(polygon, float).reshape(-1, 2) * scale).ravel() for polygon in polygons if len(polygon) >= 6]
    if not shrunk:
        return np.zeros(grid, bool)
    return mask.decode(mask.merge(mask.frPyObjects(shrunk, *grid))).astype(bool)


def box_cells(box, grid, plane):
    """(rows, columns), two slices: the cells whose centres lie in a box; of a narrow box at least the cell of its own
    centre, of a box without area none."""
    if box[2] <= box[0] or box[3] <= box[1]:
        return slice(0, 0), slice(0, 0)
    slices = []
    for low, high, cells, length in ((box[1], box[3], grid[0], plane[0]), (box[0], box[2], grid[1], plane[1])):
        first, last = (int(np.ceil(edge * cells / length - 0.5)) for edge in (low, high))
        if first >= last:
            first = int((low + high) / 2 * cells / length)
            last = first + 1
        slices.append(slice(min(max(first, 0), cells), min(max(last, 0), cells)))
    return tuple(slices)


class Boxes(NamedTuple):
    """What boxes say about an image's cells."""
    regions: list
    """(class, rows, columns) of each box that has a cell, the larger ones first."""
    valid: Tensor
    """(H, W) bool: neither padding nor ignored."""


def boxes_on(instances, grid, plane, device):
    """The ``Boxes`` of an image; arguments as ``mask_labels``."""
    valid = torch.from_numpy(~ignored_cells(instances, grid, plane)).to(device)
    boxes = instances.boxes.tolist()
    order = sorted(range(len(boxes)), key=lambda i: -(boxes[i][2] - boxes[i][0]) * (boxes[i][3] - boxes[i][1]))
    regions = [(instances.labels[i], *box_cells(boxes[i], grid, plane)) for i in order]
    return Boxes([(label, rows, columns) for label, rows, columns in regions
                  if rows.start < rows.stop and columns.start < columns.stop], valid)


@torch.no_grad()
def box_labels(boxes, scores, background, threshold):
    """Labels (H, W) int64: background outside all boxes; in a box its class where the map of that class says so.

    That is where the class is likelier than the background, and its score at least ``threshold`` of the highest in the
    box: a class activation map restricted to the box. Other cells of a box are ``UNKNOWN``. Of overlapping boxes the
    smallest speaks.

    Args:
        boxes (Boxes): of the image.
        scores (Tensor): (C + 1, H, W), probabilities.
        background (int): its class, and label.
        threshold (float): in [0, 1].
    """
    labels = torch.full(scores.shape[1:], background, dtype=torch.int64, device=scores.device)
    for label, rows, columns in boxes.regions:
        score = scores[label, rows, columns]
        sure = (score >= threshold * score.amax()) & (score > scores[background, rows, columns])
        labels[rows, columns] = torch.where(sure, label, UNKNOWN)
    return labels.masked_fill_(~boxes.valid, UNKNOWN)


def box_loss(logits, boxes, labels, background):
    """Summed loss of an image's cells and summed tightness of its boxes, from class logits (C + 1, H, W).

    * A labelled cell: cross-entropy. An ``UNKNOWN`` one in a box is background or of a class that has a box there:
      -log of the sum of these probabilities, so that no class appears outside of its boxes.
    * Tightness: each row and each column of a box crosses its object (box tightness prior, Hsu et al., NeurIPS 2019; as
      a projection onto both axes in BoxInst, Tian et al., CVPR 2021): -log of the highest probability of the class in
      it, mean over the rows and columns that have valid cells. A classifier can begin from that alone.

    Args:
        boxes (Boxes): of the image.
        labels (Tensor): of ``box_labels``.

    Returns:
        tuple[Tensor, Tensor]: the two sums; their counts are those of valid cells and of ``boxes.regions``.
    """
    log_p = F.log_softmax(logits.float(), 0)
    possible, allowed = [log_p[background]], {}
    for label, rows, columns in boxes.regions:
        allowed.setdefault(label, torch.zeros_like(boxes.valid))[rows, columns] = True
    possible += [log_p[label].masked_fill(~region, -torch.inf) for label, region in allowed.items()]
    own = log_p.gather(0, labels.clamp(min=0)[None])[0]
    cells = torch.where(labels == UNKNOWN, torch.stack(possible).logsumexp(0), own)
    tightness = log_p.sum() * 0.0
    for label, rows, columns in boxes.regions:
        valid = boxes.valid[rows, columns]
        block = log_p[label, rows, columns].masked_fill(~valid, -torch.inf)
        lines, counted = (torch.cat([part(0), part(1)]) for part in (block.amax, valid.any))
        tightness = tightness - lines.where(counted, 0).sum() / counted.sum().clamp(min=1)
    return -(cells * boxes.valid).sum(), tightness
