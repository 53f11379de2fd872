"""`PTCHead`: a CAM head for transformers, whose final patch tokens are contrasted by what a layer before them tells."""
import torch
from mmengine.logging import MessageHub
from torch import nn

from mmfbr.core.ptc import token_contrast, token_labels
from mmfbr.registry import MODELS

from .cam_head import CAMHead, valid_pixels


class PatchTokenContrastLoss(nn.Module):
    """L_ptc of ToCo (Ru et al., CVPR 2023).

    Args:
        low (float): score of the intermediate maps up to which a token is background, in [0, 1].
        high (float): score above which it is of the strongest class, from ``low`` to 1.
        begin (int): iteration of the run from which it counts; before it the loss is 0.
        loss_weight (float): factor.

    Raises:
        ValueError: for scores out of range.
    """

    def __init__(self, low=0.25, high=0.7, begin=0, loss_weight=0.2):
        super().__init__()
        if not 0 <= low <= high <= 1:
            raise ValueError('PatchTokenContrastLoss: 0 <= low <= high <= 1 must hold; they are '
                             f'{low!r} and {high!r}.')
        self.low, self.high, self.begin, self.loss_weight = low, high, begin, loss_weight

    def forward(self, feature, maps, present, valid, bg_index):
        """Scalar loss of the final tokens (N, L, H, W), by class maps (N, C, H, W) of an intermediate layer."""
        if (MessageHub.get_current_instance().get_info('iter') or 0) < self.begin:
            return feature.sum() * 0
        with torch.autocast(feature.device.type, enabled=False):  # cosines of like tokens differ by little
            labels = token_labels(maps.float(), present, valid, bg_index, self.low, self.high)
            return self.loss_weight * token_contrast(feature.float(), labels)


class PTCHead(CAMHead):
    """``CAMHead`` with a second classifier on the patch tokens of an intermediate layer, whose class maps say which of
    the final tokens are to be alike (ToCo). Masks are made from the final tokens' maps.

    Args:
        in_channels, num_classes: as ``CAMHead``.
        aux_index (int): which of the inputs is the intermediate map; it is as large as the final one.
        aux_channels (int | None): its channels; None: ``in_channels``.
        aux_weight (float): factor on the intermediate classifier's losses.
        loss_ptc (dict | None): settings of the ``PatchTokenContrastLoss``.
        pooling (str): as in ``CAMHead``, of both classifiers.
        kwargs: as ``CAMHead``.
    """

    def __init__(self, in_channels, num_classes, *args, aux_index=0, aux_channels=None, aux_weight=1.0,
                 loss_ptc=None, pooling='max', prior=None, **kwargs):
        super().__init__(in_channels, num_classes, *args, pooling=pooling, prior=prior, **kwargs)
        self.aux = CAMHead(aux_channels or in_channels, num_classes, aux_index, self.bg_index, pooling,
                           self.tap_threshold, prior=prior)
        self.aux_weight = aux_weight
        self.loss_ptc = MODELS.build({'type': 'PatchTokenContrastLoss', **(loss_ptc or {})})

    def loss(self, inputs, batch_data_samples, train_cfg=None):
        """Those of ``CAMHead``, ``loss_aux`` of the intermediate classifier and ``loss_ptc``."""
        losses = super().loss(inputs, batch_data_samples, train_cfg)
        feature = self._select(inputs)
        valid = valid_pixels(feature, batch_data_samples)
        present = self._labels(batch_data_samples).to(feature.device)
        losses['loss_aux'] = self.aux_weight * sum(self.aux.loss(inputs, batch_data_samples).values())
        maps = self.full_maps(self.aux(inputs), 0.0)
        losses['loss_ptc'] = self.loss_ptc(feature, maps, present, valid, self.bg_index)
        return losses
