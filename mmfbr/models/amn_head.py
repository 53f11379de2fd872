"""`AMNHead`: classifies pixels by confident labels, given the classes of the image."""
import torch
from torch import nn
from torch.nn import functional as F

from mmfbr.core.views import resize, segmentation_view
from mmfbr.files import InputError

from .cam_head import CAMHead


class AMNHead(CAMHead):
    """The head of AMN (Lee et al., "Threshold Matters in WSSS", CVPR 2022): image-level labels scale the features, and
    an atrous pyramid classifies each pixel.

    It is trained from ``gt_sem_seg``, in which only confident pixels have a label, at the size of its map. Its class
    maps are probabilities given the image's labels; where none are given, given all classes.

    Args:
        in_channels, num_classes, in_index, bg_index: as ``CAMHead``.
        dilations (Sequence[int]): of the pyramid's branches.
        dropout (float): share of the features that are set to 0 in training.
        ignore_index (int): label of pixels that nobody is sure of.
        loss_decode (dict | list[dict]): losses of logits and labels; an ``FBRLoss`` works as in any mmseg head.
        init_cfg (dict): as in mmengine.
    """

    def __init__(self, in_channels, num_classes, in_index=-1, bg_index=0, dilations=(6, 12, 18, 24), dropout=0.1,
                 ignore_index=255, loss_decode=None, init_cfg=None):
        super().__init__(in_channels, num_classes, in_index, bg_index,
                         loss_decode=loss_decode or dict(type='BalancedCrossEntropyLoss'),
                         init_cfg=init_cfg or dict(type='Normal', layer='Conv2d', std=0.01))
        self.classifier = nn.ModuleList(
            nn.Conv2d(in_channels, num_classes, 3, padding=dilation, dilation=dilation) for dilation in dilations)
        self.label_encoder = nn.Linear(num_classes - 1, in_channels)
        self.dropout, self.ignore_index = dropout, ignore_index

    def forward(self, inputs, present=None):
        """Logits (N, C, H, W) of a batch whose images hold the classes ``present`` (N, C) bool; None: all of them."""
        feature = self._select(inputs)
        if present is None:
            present = torch.ones(len(feature), self.num_classes, dtype=torch.bool)
        code = self.label_encoder(present[:, self.foreground].to(feature.device, feature.dtype))
        feature = F.dropout(feature * code[..., None, None], self.dropout, self.training)
        return sum(branch(feature) for branch in self.classifier)

    def class_maps(self, inputs, present=None):
        """Probabilities (N, C - 1, H, W) of the foreground classes."""
        return self.forward(inputs, present).softmax(1)[:, self.foreground]

    def loss(self, inputs, batch_data_samples, train_cfg=None):
        """The losses of a batch, by name.

        Raises:
            InputError: when the samples carry no confident labels.
        """
        if not all('gt_sem_seg' in sample for sample in batch_data_samples):
            raise InputError('AMNHead is trained from confident labels and the samples carry none: name their folder '
                             "in the data set's data_prefix (seg_map_path) and load them in the pipeline "
                             "(dict(type='LoadCheckedAnnotations')).")
        logits = self.forward(inputs, self._labels(batch_data_samples))
        label = torch.stack([sample.gt_sem_seg.data for sample in batch_data_samples])
        # Pixel centres, as the rest of the package resizes; mode 'nearest' would shift the labels by half a cell.
        label = F.interpolate(label.float(), logits.shape[2:], mode='nearest-exact')[:, 0].long()
        losses = {}
        for loss in self.loss_decode:
            value = loss(logits, label, ignore_index=self.ignore_index)
            losses[loss.loss_name] = losses.get(loss.loss_name, 0) + value
        return losses

    def predict(self, inputs, batch_img_metas, test_cfg=None):
        """Probabilities (N, C, h, w) at the size of the images, given all classes; their arg max is a segmentation."""
        size = batch_img_metas[0].get('pad_shape') or batch_img_metas[0]['img_shape']
        return resize(self.forward(inputs).softmax(1), size[:2])

    def image_scores(self, inputs):
        """Highest probability (N, C) of each class in the image; 0 for the background."""
        return self.full_maps(self.class_maps(inputs).amax((2, 3))[..., None, None], 0.0)[..., 0, 0]

    @torch.no_grad()
    def pixel_view(self, inputs, present, valid=None):
        """The view of a segmentation host whose labels are the strongest of the image's classes."""
        present = present.to(self._select(inputs).device).clone()
        present[:, self.bg_index] = True
        logits = self.forward(inputs, present)
        label = logits.masked_fill(~present[..., None, None], -torch.inf).argmax(1)
        if valid is not None:
            label = label.where(valid, self.ignore_index)
        return segmentation_view(logits, label, logits.shape[2:], self.bg_index, self.ignore_index)
