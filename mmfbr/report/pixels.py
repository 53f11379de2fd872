"""What FBR sees of one image: which background cells belong to which NROI, and which foreground cells are queries."""
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from mmfbr.core.stream import derived_generator
from mmfbr.files import InputError
from mmfbr.models import FBRLoss, FBRNeck
from mmfbr.models.regions import find_regions


class Cells(NamedTuple):
    """The cells of an image's feature map, (h, w) each."""
    clusters: np.ndarray
    """int64: number of the NROI that a background cell is nearest to, -1 for a foreground cell."""
    queries: np.ndarray
    """bool: unsure foreground cells."""


@torch.no_grad()
def image_cells(model, image, present, settings, seed=0):
    """The ``Cells`` that a training step would see if the image, unflipped at the base size, were its batch.

    Args:
        model (CAMSegmentor): with ``FBRNeck`` and ``FBRLoss``, in eval mode.
        image (ndarray): (H, W, 3) uint8, RGB.
        present (ndarray): (C,) bool, the image-level labels, which training knows too.
        settings (CamSettings): size and multiple of the input.
        seed (int): of the start of k-means.

    Raises InputError when the model is not trained with FBR.
    """
    neck, head = getattr(model, 'neck', None), model.decode_head
    loss = next((loss for loss in head.loss_decode if isinstance(loss, FBRLoss)), None)
    if not isinstance(neck, FBRNeck) or loss is None:
        raise InputError('NROIs and queries need a model with an FBRNeck and an FBRLoss; give the config with FBR.')
    features = model.extract_feat(_input(model, image, settings))  # held here: the neck remembers its map only weakly
    view = head.pixel_view(features, torch.as_tensor(present)[None])
    found = find_regions(neck, loss, view, head.bg_index, derived_generator(view.scores.device, 'report', seed))
    return Cells(found.clusters[0].cpu().numpy(), found.queries[0].cpu().numpy())


def _input(model, image, settings):
    """The image as the backbone reads it; the preprocessor is fed BGR, as mmcv loads images."""
    size, = replace(settings, scales=(1.0, )).views(*image.shape[:2])
    pixels = torch.from_numpy(image[:, :, ::-1].transpose(2, 0, 1).copy()).float()
    pixels = F.interpolate(pixels[None], size, mode='bilinear', align_corners=False)
    return model.data_preprocessor(dict(inputs=list(pixels)))['inputs']
