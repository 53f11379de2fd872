"""`BalancedCrossEntropyLoss`: AMN's per-pixel classification loss as a loss of mmseg's heads."""
from torch import nn

from mmfbr.core.amn import balanced_cross_entropy


class BalancedCrossEntropyLoss(nn.Module):
    """``mmfbr.core.amn.balanced_cross_entropy``, called as mmseg's heads call their losses.

    Args:
        smoothing (float): label smoothing, in [0, 1).
        bg_index (int): the background's class.
        loss_weight (float): factor.
        loss_name (str): key in the log.

    Raises:
        ValueError: for a smoothing out of range.
    """

    def __init__(self, smoothing=0.4, bg_index=0, loss_weight=1.0, loss_name='loss_pixel'):
        super().__init__()
        if not 0 <= smoothing < 1:
            raise ValueError(f'BalancedCrossEntropyLoss: smoothing must lie in [0, 1); it is {smoothing!r}.')
        self.smoothing, self.bg_index = smoothing, bg_index
        self.loss_weight, self.loss_name = loss_weight, loss_name

    def forward(self, logits, labels, weight=None, ignore_index=255, **kwargs):
        """Scalar loss of logits (N, C, H, W) against labels (N, H, W)."""
        return self.loss_weight * balanced_cross_entropy(logits.float(), labels, self.bg_index, ignore_index,
                                                         self.smoothing)
