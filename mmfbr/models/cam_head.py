"""`CAMHead`: classifies images by pooled features; the classifier applied to each pixel is the class activation map."""
import math

import torch
from mmengine.model import BaseModule
from torch import nn
from torch.nn import functional as F

from mmfbr.core.views import cam_view, normalise_by_max
from mmfbr.registry import MODELS

from .fbr_loss import FBRLoss
from .nroi_map_loss import NROIMapLoss


class CAMHead(BaseModule):
    """Image classifier with class activation maps (Zhou et al., CVPR 2016), trained from image-level labels.

    Args:
        in_channels (int): channels of the map it reads.
        num_classes (int): C, classes with the background among them.
        in_index (int): which map.
        bg_index (int): the background's class; it has no classifier weights.
        pooling (str): 'gap', the mean over valid pixels, 'tap', thresholded average pooling (method: TAP), or 'max'.
        tap_threshold (float): share of a channel's maximum above which an activation enters TAP.
        bg_score (float): constant score of the background in FBR's view and at test, in [0, 1].
        temperature (float): of the softmax whose entropy tells FBR's unsure pixels; 1 is the method's.
        prior (float | None): share of the images that hold a class, in (0, 1), the mean over classes. With it the image
            logits have a bias that starts at this prior (Lin et al., ICCV 2017, section 4.1), so that the first steps
            need not drive every map below zero. The maps do not contain the bias.
        loss_decode (dict | list[dict]): losses of image logits and labels; an ``FBRLoss`` and an
            ``NROIMapLoss`` get the pixels instead.
        init_cfg (dict): as in mmengine.

    Raises:
        ValueError: for an unknown pooling, or a background that is none of the classes.
    """
    align_corners = False

    def __init__(self, in_channels, num_classes, in_index=-1, bg_index=0, pooling='gap', tap_threshold=0.1,
                 bg_score=0.2, temperature=1.0, prior=None, loss_decode=None, init_cfg=None):
        super().__init__(init_cfg or dict(type='Normal', std=0.01, override=dict(name='classifier')))
        if pooling not in ('gap', 'tap', 'max'):
            raise ValueError(f"CAMHead: pooling must be 'gap', 'tap' or 'max'; it is {pooling!r}.")
        if num_classes < 2 or not 0 <= bg_index < num_classes:
            raise ValueError(f'CAMHead: num_classes={num_classes} counts the background, so it is at least 2, and '
                             f'bg_index={bg_index} is one of them.')
        if prior is not None and not 0 < prior < 1:
            raise ValueError(f'CAMHead: prior is a share of the images, between 0 and 1; it is {prior!r}.')
        self.in_channels, self.in_index = in_channels, in_index
        self.num_classes = self.out_channels = num_classes
        self.bg_index, self.bg_score, self.temperature = bg_index, bg_score, temperature
        self.pooling, self.tap_threshold = pooling, tap_threshold
        self.foreground = [c for c in range(num_classes) if c != bg_index]
        self.classifier = nn.Conv2d(in_channels, num_classes - 1, 1, bias=False)
        self.bias = None if prior is None else nn.Parameter(
            torch.full((num_classes - 1, ), math.log(prior / (1 - prior))))
        losses = loss_decode or dict(type='MultiLabelSoftMarginLoss')
        losses = [losses] if isinstance(losses, dict) else losses
        self.loss_decode = nn.ModuleList(MODELS.build(loss) for loss in losses)
        for loss in self.loss_decode:
            if isinstance(loss, NROIMapLoss):
                loss.for_classes(num_classes - 1)

    def _select(self, inputs):
        return inputs if isinstance(inputs, torch.Tensor) else inputs[self.in_index]

    def forward(self, inputs):
        """Raw class maps (N, C - 1, H, W) of the foreground classes."""
        return self.classifier(self._select(inputs))

    def class_maps(self, inputs, present=None):
        """Maps (N, C - 1, H, W), >= 0, that masks are made from; ``present`` (N, C) bool, the image-level labels where
        they are known, for heads that are conditioned on them."""
        return F.relu(self.forward(inputs))

    def classify(self, feature, valid):
        """Image logits (N, C - 1) of a map (N, L, H, W), pooled over the pixels ``valid`` (N, H, W)."""
        logits = self.classifier(self.pool(feature, valid)[..., None, None]).flatten(1)
        return logits if self.bias is None else logits + self.bias

    def pool(self, feature, valid):
        """Pooled features (N, L)."""
        if self.pooling == 'gap':
            return average_pool(feature, valid)
        if self.pooling == 'max':
            return max_pool(feature, valid)
        return thresholded_average_pool(feature, valid, self.tap_threshold)

    def loss(self, inputs, batch_data_samples, train_cfg=None):
        """The losses of a batch, by name.

        Raises:
            ValueError: when the samples carry no image-level labels, or labels of another number of classes.
        """
        feature = self._select(inputs)
        valid = valid_pixels(feature, batch_data_samples)
        present = self._labels(batch_data_samples).to(feature.device)
        logits, losses = self.classify(feature, valid), {}
        for loss in self.loss_decode:
            if isinstance(loss, FBRLoss):
                value = loss.contrast(lambda: self.pixel_view(inputs, present, valid), logits)
            elif isinstance(loss, NROIMapLoss):
                # The classifier learns from image-level labels alone: trained on maps of its own making it would drift.
                maps = F.conv2d(feature, self.classifier.weight.detach())
                value = loss(inputs, maps, present[:, self.foreground], valid)
            else:
                value = loss(logits, present[:, self.foreground])
            losses[loss.loss_name] = losses.get(loss.loss_name, 0) + value
        return losses

    @torch.no_grad()
    def pixel_view(self, inputs, present, valid=None):
        """The ``PixelView`` of feature maps for image-level labels ``present`` (N, C) bool; ``valid`` (N, H, W) bool,
        None: all pixels."""
        cam = self.full_maps(self.forward(inputs).float(), 0.0)
        present = present.to(cam.device)
        if valid is None:
            valid = torch.ones_like(cam[:, 0], dtype=torch.bool)
        return cam_view(cam, present, valid, self.bg_index, self.bg_score, self.temperature)

    def _labels(self, samples):
        if not all('gt_label' in sample for sample in samples):
            raise ValueError('CAMHead is trained from image-level labels and the samples carry none: use '
                             'ImageLabelDataset and end the pipeline with PackImageLabelInputs.')
        labels = torch.stack([sample.gt_label.multi_hot for sample in samples]).bool()
        if labels.shape[1] != self.num_classes:
            raise ValueError(f'CAMHead: num_classes={self.num_classes}, but the data set has {labels.shape[1]} '
                             'classes.')
        return labels

    def full_maps(self, foreground, background):
        """Maps (N, C, H, W) from those of the foreground (N, C - 1, H, W) and a constant for the background."""
        maps = foreground.new_full((len(foreground), self.num_classes, *foreground.shape[2:]), background)
        maps[:, self.foreground] = foreground
        return maps

    def predict(self, inputs, batch_img_metas, test_cfg=None):
        """Scores (N, C, h, w) in [0, 1] at the size of the images: max-normalised maps of the classes that the image
        logits claim (all of them where they claim none), and the constant background score. Their arg max is a
        segmentation."""
        feature = self._select(inputs)
        valid = torch.ones_like(feature[:, 0], dtype=torch.bool)
        maps = self.class_maps(inputs)
        claimed = self.classify(feature, valid) > 0
        claimed |= ~claimed.any(1, keepdim=True)
        maps = normalise_by_max(maps * claimed[..., None, None])
        size = batch_img_metas[0].get('pad_shape') or batch_img_metas[0]['img_shape']
        return self.full_maps(F.interpolate(maps, tuple(size[:2]), mode='bilinear', align_corners=False), self.bg_score)

    def image_scores(self, inputs):
        """Probabilities (N, C) that each class is in the image; 0 for the background."""
        feature = self._select(inputs)
        scores = self.classify(feature, torch.ones_like(feature[:, 0], dtype=torch.bool)).sigmoid()
        return self.full_maps(scores[..., None, None], 0.0)[..., 0, 0]


def average_pool(feature, valid):
    """Means (N, L) over the valid pixels."""
    weight = valid.to(feature.dtype)
    return torch.einsum('nlhw,nhw->nl', feature, weight) / weight.sum((1, 2)).clamp(min=1)[:, None]


def max_pool(feature, valid):
    """Maxima (N, L) over the valid pixels; 0 where there is none."""
    peak = feature.masked_fill(~valid[:, None], -torch.inf).amax((2, 3))
    return peak.where(valid.any(2).any(1)[:, None], 0)


def thresholded_average_pool(feature, valid, threshold=0.1):
    """Means (N, L) over the valid activations above ``threshold`` times their channel's maximum.

    A channel without such an activation (flat at 0, or negative throughout) pools to its maximum; a flat one to its own
    value.
    """
    feature = feature.masked_fill(~valid[:, None], -torch.inf)
    peak = feature.amax((2, 3), keepdim=True)
    above = feature > threshold * peak
    count = above.sum((2, 3))
    pooled = torch.where(count > 0, feature.where(above, 0).sum((2, 3)) / count.clamp(min=1), peak[..., 0, 0])
    return pooled.where(valid.any(2).any(1)[:, None], 0)


def valid_pixels(feature, samples):
    """(N, H, W) bool: cells of the map whose centre lies in the image and not in the padding right of and below it.

    mmseg's preprocessor notes both in the samples; an image it did not pad has no ``padding_size``.
    """
    n, _, h, w = feature.shape
    valid = torch.ones(n, h, w, dtype=torch.bool)
    for keep, sample in zip(valid, samples, strict=True):
        _, right, _, below = sample.metainfo.get('padding_size', (0, 0, 0, 0))
        for axis, (cells, extra) in enumerate(((h, below), (w, right))):
            length = sample.metainfo['img_shape'][axis] if extra else 0
            if extra:
                inside = (torch.arange(cells) + 0.5) * (length + extra) / cells < length
                keep &= inside[:, None] if axis == 0 else inside
    return valid.to(feature.device)
