"""`FBRHead`: FBR as an auxiliary head, for segmentors whose heads have losses of their own."""
import torch
from mmengine.model import BaseModule
from torch import nn
from torch.nn import functional as F

from mmfbr.core.views import segmentation_view
from mmfbr.files import InputError
from mmfbr.registry import MODELS

from .fbr_loss import NO_NECK
from .pixel_classifier import pixel_classifier, pixel_cross_entropy


class FBRHead(BaseModule):
    """A 1x1 pixel classifier on the map that ``FBRNeck`` reads, and FBR on its scores.

    For Mask2Former, MaskFormer and other hosts in which no head passes maps of logits through ``loss_decode``. It is
    one line, ``auxiliary_head=dict(type='FBRHead', num_classes=...)``, beside the neck's. The classifier learns from
    the features without a gradient to them: what reaches the encoder is the host's loss and FBR alone. For deep
    supervision take an ``FCNHead`` with an ``FBRLoss`` in its ``loss_decode`` instead. Inference does not call it.

    Args:
        num_classes (int): C, classes of the labels, the background among them where there is one.
        loss (dict | None): config of the ``FBRLoss``.
        pixel_weight (float): factor on the classifier's cross-entropy.
        ignore_index (int): label of pixels that do not count.
        init_cfg: taken for compatibility with mmengine; the classifier has its own initialisation.

    Raises:
        InputError: when the model has no ``FBRNeck``.
    """

    def __init__(self, num_classes, loss=None, pixel_weight=1.0, ignore_index=255, init_cfg=None):
        super().__init__(init_cfg)
        self.num_classes, self.pixel_weight, self.ignore_index = num_classes, pixel_weight, ignore_index
        self.loss_decode = nn.ModuleList([MODELS.build({'type': 'FBRLoss', **(loss or {})})])
        neck = self.loss_decode[0].bound
        if neck is None:
            raise InputError(NO_NECK)
        self.fbr = pixel_classifier(neck.in_channels, num_classes, 'FBRHead')

    def forward(self, inputs):
        """Class logits (N, C, H, W) of the map that the neck read; ``inputs`` are the neck's outputs.

        Raises:
            RuntimeError: when that map is not among ``inputs``: the neck belongs to another model.
        """
        feature = self.loss_decode[0].seen_neck().feature
        maps = [inputs] if isinstance(inputs, torch.Tensor) else inputs
        if not any((m[0] if isinstance(m, (list, tuple)) else m) is feature for m in maps):
            raise RuntimeError(NO_NECK)
        return self.fbr(feature.detach())

    def loss(self, inputs, batch_data_samples, train_cfg=None):
        """``loss_fbr`` and ``loss_fbr_pixel`` of a batch with ``gt_sem_seg``."""
        logits, fbr = self(inputs), self.loss_decode[0]
        label = torch.cat([sample.gt_sem_seg.data for sample in batch_data_samples])
        value = fbr.contrast(lambda: segmentation_view(logits.detach(), label, logits.shape[2:], fbr.bg_index,
                                                       self.ignore_index))
        small = F.interpolate(label[:, None].float(), logits.shape[2:], mode='nearest')[:, 0].long()
        pixel = pixel_cross_entropy(logits, small, self.ignore_index)
        return {fbr.loss_name: value, 'loss_fbr_pixel': self.pixel_weight * pixel}
