"""`DeepLabV2Head`: atrous spatial pyramid whose branches are classifiers, summed."""
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import nn


class DeepLabV2Head(BaseDecodeHead):
    """Sum of 3 x 3 convolutions of different dilations, each from features to classes (Chen et al., "DeepLab", TPAMI
    2018, section 3.2), as weakly supervised segmentation trains its second stage. mmseg's ``ASPPHead`` is DeepLabV3's.

    Args:
        in_channels (int): channels of the map it reads.
        dilations (Sequence[int]): of its branches.
        kwargs: as mmseg's ``BaseDecodeHead``; ``channels`` and ``dropout_ratio`` play no part.
    """

    def __init__(self, in_channels, dilations=(6, 12, 18, 24), **kwargs):
        super().__init__(in_channels, in_channels, dropout_ratio=0,
                         init_cfg=dict(type='Normal', layer='Conv2d', std=0.01), **kwargs)
        del self.conv_seg
        self.branches = nn.ModuleList(
            nn.Conv2d(in_channels, self.out_channels, 3, padding=dilation, dilation=dilation) for dilation in dilations)

    def forward(self, inputs):
        """Logits (N, C, H, W) at the size of the map."""
        x = self._transform_inputs(inputs)
        return sum(branch(x) for branch in self.branches)
