"""Class activation maps of one image over scales and flip."""
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from mmfbr.files import InputError
from mmfbr.models.cam_head import normalise_by_max


@dataclass(frozen=True)
class CamSettings:
    """How a CAM is taken; in configs ``cam_cfg``.

    Attributes:
        size (tuple[int, int] | None): base (height, width); None: the image's own.
        scales (tuple[float, ...]): factors of the base size, each > 0.
        flip (bool): average with the mirrored image.
        multiple (int): sides are rounded to multiples of it, the stride of the network.
    """
    size: tuple | None = None
    scales: tuple = (0.5, 1.0, 1.5, 2.0)
    flip: bool = True
    multiple: int = 16

    def __post_init__(self):
        if not self.scales or min(self.scales) <= 0:
            raise InputError(f'cam_cfg.scales must be one or more positive factors; they are {self.scales}.')


@torch.no_grad()
def image_cam(model, image, present, settings):
    """The CAM of an image: ReLU of the class maps, averaged over scales and flip, divided by each class's maximum.

    Args:
        model (CAMSegmentor): in eval mode.
        image (ndarray): (H, W, 3) uint8, RGB.
        present (ndarray | None): (C,) bool image-level labels: only their classes are returned. None: those the image
            logits claim.
        settings (CamSettings): scales and flip.

    Returns:
        tuple[ndarray, ndarray]: maps (K, H, W) float32 in [0, 1], and their classes (K,) int64, without the background.
    """
    head, height, width = model.decode_head, *image.shape[:2]
    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float()[None]
    base, total, scores = settings.size or (height, width), 0, 0
    for scale in settings.scales:
        size = [max(settings.multiple, round(side * scale / settings.multiple) * settings.multiple) for side in base]
        view = _resize(pixels, size)
        views = torch.cat([view, view.flip(3)]) if settings.flip else view
        features = model.extract_feat(_normalised(model, views))
        maps = F.relu(head(features))
        scores = scores + head.image_scores(features).mean(0)
        if settings.flip:
            maps = maps[:1] + maps[1:].flip(3)
        total = total + _resize(maps, (height, width))[0]
    if present is None:
        present = (scores / len(settings.scales) > 0.5).cpu().numpy()
    classes = np.array([c for c in head.foreground if present[c]], np.int64)
    rows = [head.foreground.index(c) for c in classes]
    return normalise_by_max(total[rows]).float().cpu().numpy(), classes


def _resize(x, size):
    return F.interpolate(x, tuple(size), mode='bilinear', align_corners=False)


def _normalised(model, pixels):
    """RGB ``pixels`` as the model's preprocessor hands them to the backbone."""
    preprocessor = model.data_preprocessor
    pixels = pixels.to(next(model.parameters()).device)
    if not preprocessor.channel_conversion:  # a preprocessor that converts is fed BGR, so its backbone reads RGB
        pixels = pixels.flip(1)
    return (pixels - preprocessor.mean) / preprocessor.std if hasattr(preprocessor, 'mean') else pixels
