"""The multi-label classification loss that CAM networks are trained with."""
from torch import nn
from torch.nn import functional as F


class MultiLabelSoftMarginLoss(nn.Module):
    """Mean over images and classes of the binary cross-entropy of
    ``torch.nn.functional.multilabel_soft_margin_loss``."""

    def __init__(self, loss_weight=1.0, loss_name='loss_cls'):
        super().__init__()
        self.loss_weight, self.loss_name = loss_weight, loss_name

    def forward(self, logits, labels):
        """Scalar loss of image logits (N, C) against labels (N, C), bool."""
        return self.loss_weight * F.multilabel_soft_margin_loss(logits, labels.to(logits.dtype))
