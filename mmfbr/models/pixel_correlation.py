"""`PixelCorrelation`: the layers of SEAM's pixel correlation module, which refines class maps by appearance."""
import torch
from torch import nn

from mmfbr.core.seam import correlate, strongest, with_background
from mmfbr.core.views import normalise_by_max, resize


class PixelCorrelation(nn.Module):
    """Embeds the image and shallow features, and lets each pixel's class scores be those of the pixels like it.

    No gradient passes to the features or to the class maps: the module learns how to compare, the network stays as its
    other losses make it (Wang et al., "SEAM", CVPR 2020, section 3.3).

    Args:
        in_channels (Sequence[int]): of the shallow maps.
        in_index (Sequence[int]): which of the head's inputs they are; its last input is the image.
        channels (Sequence[int]): to which they are reduced.
    """

    def __init__(self, in_channels, in_index, channels=(64, 128)):
        super().__init__()
        self.in_index = tuple(in_index)
        self.reduce = nn.ModuleList(
            nn.Conv2d(many, few, 1, bias=False) for many, few in zip(in_channels, channels, strict=True))
        self.mix = nn.Conv2d(sum(channels) + 3, sum(channels), 1, bias=False)
        for layer in self.reduce:
            nn.init.kaiming_normal_(layer.weight)
        nn.init.xavier_uniform_(self.mix.weight, gain=4)

    def forward(self, cam, inputs, valid, bg_index):
        """Refined scores (N, C, H, W), >= 0, of raw class maps ``cam`` (N, C, H, W); ``inputs``: maps and image."""
        size = cam.shape[2:]
        looks = [resize(inputs[-1], size)]
        looks += [resize(layer(inputs[index].detach()).relu(), size)
                  for layer, index in zip(self.reduce, self.in_index, strict=True)]
        scores = normalise_by_max(cam.detach().float().relu())
        scores = strongest(with_background(scores, bg_index), bg_index)
        feature = self.mix(torch.cat(looks, 1)).float()
        with torch.autocast(feature.device.type, enabled=False):  # the mean is over all pixels of an image
            return correlate(scores, feature, valid)
