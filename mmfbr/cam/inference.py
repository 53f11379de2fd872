"""Class activation maps over scales and flip, for images together."""
from dataclasses import dataclass

import numpy as np
import torch

from mmfbr.core.views import normalise_by_max, resize
from mmfbr.files import InputError
from mmfbr.models.data_preprocessor import normalised


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

    def views(self, height, width):
        """Sizes ((height, width), ...) that the network sees of an image, one a scale."""
        return tuple(tuple(max(self.multiple, round(side * scale / self.multiple) * self.multiple)
                           for side in self.size or (height, width)) for scale in self.scales)


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
    (maps, classes), = batch_cams(model, [image], [present], settings)
    return maps.cpu().numpy(), classes


@torch.no_grad()
def batch_cams(model, images, presents, settings):
    """The CAMs of images that the network sees at the same sizes (``CamSettings.views``), in one pass a scale.

    Args:
        images, presents (list): of each image what ``image_cam`` takes; mirrored images go into the same pass.

    Returns:
        list[tuple[Tensor, ndarray]]: maps (K, H, W) float32 in [0, 1] on the model's device, and classes (K,) int64.
    """
    head = model.decode_head
    pixels = [torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None] for image in images]
    pixels = [one.to(next(model.parameters()).device).float() for one in pixels]
    sizes, = {settings.views(*image.shape[:2]) for image in images}
    scaled, scores, labels = [], 0, None
    if all(present is not None for present in presents):
        labels = torch.from_numpy(np.stack(presents)).repeat(2 if settings.flip else 1, 1)
    for size in sizes:
        view = torch.cat([resize(one, size) for one in pixels])
        features = model.extract_feat(normalised(model.data_preprocessor,
                                                 torch.cat([view, view.flip(3)]) if settings.flip else view))
        maps = head.class_maps(features, labels)
        if settings.flip:
            maps = maps[:len(images)] + maps[len(images):].flip(3)
        scaled.append(maps)
        if any(present is None for present in presents):
            scores = scores + head.image_scores(features).view(-1, len(images), head.num_classes).mean(0)
    cams = []
    for number, (image, present) in enumerate(zip(images, presents, strict=True)):
        if present is None:
            present = (scores[number] / len(sizes) > 0.5).cpu().numpy()
        classes = np.array([c for c in head.foreground if present[c]], np.int64)
        rows = [head.foreground.index(c) for c in classes]
        total = maps.new_zeros(len(rows), *image.shape[:2])
        if rows:
            total = sum(resize(maps[number:number + 1, rows], image.shape[:2])[0] for maps in scaled)
        cams.append((normalise_by_max(total).float(), classes))
    return cams
