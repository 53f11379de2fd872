"""`HybridVisionTransformer`: a transformer whose patches are the cells of a CNN's feature map."""
from mmengine.model import BaseModule
from mmseg.models import VisionTransformer
from torch import nn

from mmfbr.registry import MODELS


class CNNPatches(BaseModule):
    """The cells of a CNN's last map as tokens.

    Args:
        cnn (dict): config of the CNN, with its pretrained weights.
        in_channels (int): channels of its last map.
        embed_dims (int): length of a token.
    """

    def __init__(self, cnn, in_channels, embed_dims):
        super().__init__()
        self.cnn = MODELS.build(cnn)
        self.projection = nn.Conv2d(in_channels, embed_dims, 1)

    def forward(self, inputs):
        """Tokens (N, H * W, D) of images, and (H, W)."""
        maps = self.cnn(inputs)
        tokens = self.projection(maps if hasattr(maps, 'shape') else maps[-1])
        return tokens.flatten(2).transpose(1, 2), tokens.shape[2:]


class HybridVisionTransformer(VisionTransformer):
    """mmseg's ``VisionTransformer`` on a CNN's feature map (Dosovitskiy et al., ICLR 2021, section 3.1, "hybrid
    architecture"): a small transformer can then do with the CNN's pretrained weights and few images.

    Args:
        cnn (dict): config of the CNN, with its pretrained weights.
        cnn_channels (int): channels of its last map.
        patch_size (int): its stride.
        kwargs: as ``VisionTransformer``.
    """

    def __init__(self, cnn, cnn_channels, patch_size=16, embed_dims=768, **kwargs):
        super().__init__(patch_size=patch_size, embed_dims=embed_dims, **kwargs)
        self.patch_embed = CNNPatches(cnn, cnn_channels, embed_dims)

    def init_weights(self):
        """The transformer as in mmseg, which draws the CNN's weights too; then those of the CNN."""
        super().init_weights()
        self.patch_embed.cnn.init_weights()
