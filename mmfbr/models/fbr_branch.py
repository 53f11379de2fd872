"""`FBRBranch`: all of FBR that a detector carries, under the one name `fbr`: projections, pixel classifier, loss."""
import math

import torch
from torch.nn import functional as F

from mmfbr.core.views import segmentation_view
from mmfbr.files import InputError
from mmfbr.registry import MODELS

from .instance_labels import UNKNOWN, box_labels, box_loss, boxes_on, mask_labels
from .pixel_classifier import pixel_classifier, pixel_cross_entropy
from .projections import Projections

SUPERVISION = ("'mask' where the instances' masks, full or pseudo, are to be learned from, 'box' where their boxes "
               'alone are')
BACKGROUND_PRIOR = 0.9  # with boxes nothing in a box counts as its class before the classifier has learned to say so


class FBRBranch(Projections):
    """FBR on one feature map of a detector, trained from its instance annotations.

    A 1x1 classifier gives the scores S of the detector's C classes and of the background at index C. It learns from the
    features without a gradient to them: what reaches the encoder is the detector's own losses and FBR alone.

    Args:
        in_channels (int): L, channels of the map.
        num_classes (int): C, the detector's classes.
        supervision (str): 'mask' or 'box': what the labels of the cells are made from (``instance_labels``).
        in_index (int): which map of the detector's neck, or of its backbone if it has none.
        loss (dict | None): config of the ``FBRLoss``; its background is the class C.
        channels (int): D, length of an embedding.
        pixel_weight (float): factor on the classifier's loss, >= 0.
        cam_threshold (float): with 'box', share of the highest score in a box from which a cell counts, in [0, 1].
        tightness_weight (float): with 'box', factor on the tightness of the boxes, >= 0.
        max_cells (int): a map of more cells an image is averaged over squares until it has no more: a detector's finest
            map at 800 x 1333 pixels has 67 200, the maps of the method's hosts have 1024 to 4096.

    Raises:
        InputError: for an argument out of range or unknown, with its config key.
    """

    def __init__(self, in_channels, num_classes, supervision=None, in_index=0, loss=None, channels=128,
                 pixel_weight=1.0, cam_threshold=0.5, tightness_weight=1.0, max_cells=8192, **others):
        if others:
            raise InputError(f'model.fbr has no setting {", ".join(others)}. It has in_channels, in_index, '
                             'supervision, loss, num_classes, channels, pixel_weight, cam_threshold, '
                             'tightness_weight and max_cells.')
        if supervision not in ('mask', 'box'):
            state = 'is missing' if supervision is None else f'is {supervision!r}'
            raise InputError(f'model.fbr.supervision {state}: set it to {SUPERVISION}. It is never guessed.')
        for name, value, low, high in (
                ('pixel_weight', pixel_weight, 0, math.inf), ('tightness_weight', tightness_weight, 0, math.inf),
                ('cam_threshold', cam_threshold, 0, 1), ('max_cells', max_cells, 1, math.inf)):
            if not low <= value <= high:
                raise InputError(f'model.fbr.{name} is {value!r}; it must be at least {low}'
                                 f'{"" if high == math.inf else f" and at most {high}"}.')
        super().__init__(in_channels, channels, 'FBRDetector')
        self.in_index, self.num_classes, self.supervision = in_index, num_classes, supervision
        self.pixel_weight, self.cam_threshold = pixel_weight, cam_threshold
        self.tightness_weight, self.max_cells = tightness_weight, max_cells
        self.classifier = pixel_classifier(in_channels, num_classes + 1, 'FBRDetector')
        if supervision == 'box':
            with torch.no_grad():
                self.classifier.bias[num_classes] = math.log(BACKGROUND_PRIOR / (1 - BACKGROUND_PRIOR) * num_classes)
        loss = {'type': 'FBRLoss', **(loss or {})}
        if loss.setdefault('bg_index', num_classes) != num_classes:
            raise InputError(f'model.fbr.loss.bg_index is {loss["bg_index"]}; in a detector of {num_classes} classes '
                             f'the background is the class {num_classes}. Leave the line out.')
        self.loss = MODELS.build(loss).with_own_background().bind(self)

    def losses(self, feature, instances, plane):
        """``loss_fbr`` and ``loss_fbr_pixel`` of a step.

        Args:
            feature (Tensor): (N, L, H, W).
            instances (list[Instances]): of the N images.
            plane (tuple[int, int]): height and width of the network's input.
        """
        feature, plane = shrunk(feature, plane, self.max_cells)
        self.remember(feature)
        logits = self.classifier(feature.detach())
        grid = tuple(feature.shape[2:])
        labels, pixel = getattr(self, f'_from_{self.supervision}')(logits, instances, grid, plane)
        value = self.loss.contrast(
            lambda: segmentation_view(logits.detach(), labels, grid, self.num_classes, UNKNOWN))
        return {self.loss.loss_name: value, 'loss_fbr_pixel': self.pixel_weight * pixel}

    def _from_mask(self, logits, instances, grid, plane):
        labels = torch.stack([torch.from_numpy(mask_labels(image, grid, plane, self.num_classes))
                              for image in instances]).to(logits.device)
        return labels, pixel_cross_entropy(logits, labels, UNKNOWN)

    def _from_box(self, logits, instances, grid, plane):
        images = [boxes_on(image, grid, plane, logits.device) for image in instances]
        scores = logits.detach().float().softmax(1)
        labels = torch.stack([box_labels(boxes, score, self.num_classes, self.cam_threshold)
                              for boxes, score in zip(images, scores, strict=True)])
        sums = [box_loss(*image, self.num_classes) for image in zip(logits, images, labels, strict=True)]
        cells, tightness = (sum(values) for values in zip(*sums, strict=True))
        valid = sum(boxes.valid.sum() for boxes in images).clamp(min=1)
        count = max(sum(len(boxes.regions) for boxes in images), 1)
        return labels, cells / valid + self.tightness_weight * tightness / count


def shrunk(feature, plane, max_cells):
    """A map (N, L, H, W) averaged over squares of the smallest side with which it has at most ``max_cells`` cells, and
    the height and width in pixels that these cells cover; the last row and column may reach beyond ``plane``."""
    size, side = feature.shape[2:], 1
    while math.prod(-(-cells // side) for cells in size) > max_cells:
        side += 1
    if side == 1:
        return feature, plane
    smaller = F.avg_pool2d(feature, side, ceil_mode=True)
    return smaller, tuple(new * side * length / old
                          for new, old, length in zip(smaller.shape[2:], size, plane, strict=True))
