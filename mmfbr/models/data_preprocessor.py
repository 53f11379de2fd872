"""`CAMDataPreprocessor`: mmseg's preprocessor with one random scale for a whole batch."""
import torch
from mmseg.models import SegDataPreProcessor
from torch.nn import functional as F


class CAMDataPreprocessor(SegDataPreProcessor):
    """``SegDataPreProcessor`` that resizes each training batch by one factor drawn from ``batch_scale``.

    All images of a batch keep one size, so nothing is padded and nothing is cropped away from its image-level label.

    Args:
        batch_scale (tuple[float, float] | None): range of the factor; None leaves the size.
        multiple (int): both sides are rounded to multiples of it, the stride of the network.
        kwargs: as ``SegDataPreProcessor``.
    """

    def __init__(self, *args, batch_scale=None, multiple=16, **kwargs):
        super().__init__(*args, **kwargs)
        if batch_scale is not None and not 0 < batch_scale[0] <= batch_scale[1]:
            raise ValueError('CAMDataPreprocessor: batch_scale must be two ascending positive factors; it is '
                             f'{batch_scale!r}.')
        self.batch_scale, self.multiple = batch_scale, multiple

    def forward(self, data, training=False):
        """As in ``SegDataPreProcessor``; draws from torch's global CPU stream."""
        data = super().forward(data, training)
        if training and self.batch_scale is not None:
            low, high = self.batch_scale
            factor = low + (high - low) * torch.rand(()).item()
            size = [max(self.multiple, round(side * factor / self.multiple) * self.multiple)
                    for side in data['inputs'].shape[2:]]
            data['inputs'] = F.interpolate(data['inputs'], size, mode='bilinear', align_corners=False)
        return data


def normalised(preprocessor, pixels):
    """RGB ``pixels`` (N, 3, H, W) as mmseg's ``preprocessor`` hands them to the backbone."""
    # OneDL's mmseg takes the attribute over from mmengine's preprocessor, OpenMMLab's has its own.
    name = '_channel_conversion' if hasattr(preprocessor, '_channel_conversion') else 'channel_conversion'
    if not getattr(preprocessor, name):  # one that converts is fed BGR, so its backbone reads RGB
        pixels = pixels.flip(1)
    return (pixels - preprocessor.mean) / preprocessor.std if hasattr(preprocessor, 'mean') else pixels
