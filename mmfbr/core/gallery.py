"""What the classes and the backgrounds of many images look like: NROIs and class prototypes kept with their labels.

Not the paper's, whose bank holds NROIs alone. With the labels of their images they say, too, what an image without a
class looks like.
"""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from .contrast import EPS
from .nroi import NROIBank

NONE = -4.0  # a cosine that loses against any, and stays finite over a temperature


@dataclass(frozen=True)
class NROIGallery:
    """NROIs and prototypes to compare pixels with.

    Attributes:
        prototypes (Tensor): (C, L), unit length, of the foreground classes; 0 of one that was nowhere sure.
        nroi (Tensor): (M, L), unit length.
        absent (Tensor): (M, C) bool, the classes that the image of an NROI does not show.
    """
    prototypes: torch.Tensor
    nroi: torch.Tensor
    absent: torch.Tensor


class GalleryBank(nn.Module):
    """The ``NROIGallery`` of the latest training images, the same in all processes, saved and resumed with the model.

    Args:
        channels (int): L, of the map on which pixels are compared.
        num_classes (int): C, foreground classes.
        capacity (int): NROIs, >= 1.
        prototypes (int): prototypes kept for each class, if all were as frequent, >= 1.
    """

    def __init__(self, channels, num_classes, capacity=2048, prototypes=32):
        super().__init__()
        self.channels = channels
        self.nroi = NROIBank(capacity=capacity, channels=channels + num_classes)  # rows: an NROI, its image's labels
        self.prototypes = NROIBank(capacity=prototypes * num_classes, channels=channels + num_classes)

    @torch.no_grad()
    def push(self, nroi, exists, prototypes, sure, present):
        """Adds the NROIs (N, K, L) that ``exists`` (N, K) bool names, of images with the labels ``present`` (N, C)
        bool, and the prototypes (N, C, L) that ``sure`` (N, C) bool names, all of unit length."""
        for bank, rows, kept, labels in (
                (self.nroi, nroi, exists, present[:, None].expand(-1, nroi.shape[1], -1)),
                (self.prototypes, prototypes, sure, torch.eye(sure.shape[1], device=sure.device).expand(
                    len(sure), -1, -1))):
            rows = torch.cat([rows, labels.to(rows.dtype)], 2).flatten(0, 1)
            bank.push(rows, kept.flatten() & rows.isfinite().all(1))

    def gallery(self):
        """The ``NROIGallery`` of what is kept."""
        (nroi, labels), (prototypes, classes) = (
            bank.content[:int(bank.fill)].tensor_split([self.channels], 1) for bank in (self.nroi, self.prototypes))
        return NROIGallery(F.normalize(classes.T @ prototypes, dim=1, eps=EPS), nroi, labels == 0)

    def clear(self):
        """Forgets everything."""
        self.nroi.clear()
        self.prototypes.clear()


def of_the_object(nroi, prototypes, present, gallery):
    """(N, K) bool: NROIs that are more like a class of their image than like anything in images without its classes.

    The surest pixels are a part of an object; the rest of one that fills its picture would count as background.

    Args:
        nroi (Tensor): (N, K, L). prototypes (Tensor): (N, C, L). present (Tensor): (N, C) bool.
        gallery (NROIGallery): where it has no image without a class, it has nothing to say.
    """
    shown = (~gallery.absent).float() @ present.T.float() > 0  # (M, N): beside a class of the image
    others = F.pad((nroi @ gallery.nroi.T).masked_fill(shown.T[:, None], NONE), (0, 1), value=NONE).amax(2)
    own = torch.bmm(nroi, prototypes.transpose(1, 2)).masked_fill(~present[:, None], NONE).amax(2)
    return (others > NONE) & (own > others)


def elsewhere(pixels, present, gallery):
    """Cosine (N, C, P) of pixels (N, L, P) and the nearest NROI of images without a class; ``NONE`` for absent classes
    and those without such an image."""
    nearest = pixels.new_full((*present.shape, pixels.shape[2]), NONE)
    for c in present.any(0).nonzero()[:, 0].tolist():
        nroi = gallery.nroi[gallery.absent[:, c]]
        if len(nroi):
            nearest[present[:, c], c] = (nroi @ pixels[present[:, c]]).amax(1)
    return nearest
