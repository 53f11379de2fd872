"""Refinement by NROIs: pixels go to the class or the background of their image that they look like."""
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.nn import functional as F

from mmfbr.core import reduced
from mmfbr.core.gallery import NROIGallery
from mmfbr.core.nroi_maps import image_parts, nroi_shares, ranges, usual_prior
from mmfbr.core.stream import derived_generator
from mmfbr.core.views import normalise_by_max, resize
from mmfbr.files import InputError

from .irn import take_network
from .network import Network


@dataclass(frozen=True)
class NROI:
    """What ``NROIMapLoss`` trains maps towards, as a refinement; nothing is trained for it, and it is not the paper's.

    Pixels are compared on an earlier map of a CAM network, usually the one whose CAM is refined, with the surest
    pixels of each class and with the NROIs of the image (``core.nroi_maps.nroi_shares``); with ``nroi_from`` also with
    what the classes, and images without them, look like elsewhere. A class without sure pixels keeps its map, and so
    does an image without background, its own or of other images.

    Attributes:
        config, checkpoint (str): of a network with a ``CAMHead`` whose backbone returns an earlier map, too.
        in_index (int): which of the backbone's maps.
        num_clusters (int), sure, unlike, tau (float): see ``nroi_shares``.
        prior (float): likewise; None: 0.3, and 0.1 with ``nroi_from``, where more is background.
        nroi_from (str | None): a list of images, as given or relative to the data root, whose prototypes and NROIs
            count, too: the training images.
        margin (float): see ``nroi_shares``.
        max_nroi (int): NROIs of that list that are kept, drawn evenly.
        version (int): of the checkpoint's file; follows from it.

    Raises:
        InputError: for a number out of range, and as ``Network``.
    """
    config: str | None = None
    checkpoint: str | None = None
    in_index: int = 0
    num_clusters: int = 8
    sure: float = 0.8
    unlike: float = 0.2
    tau: float = 0.1
    prior: float | None = None
    nroi_from: str | None = None
    margin: float = 0.1
    max_nroi: int = 4096
    version: int = field(init=False)
    name = 'nroi'
    gallery = None  # of the images of ``nroi_from``, once they were looked at

    def __post_init__(self):
        if self.prior is None:
            object.__setattr__(self, 'prior', usual_prior(self.nroi_from))
        for name, value, fits, rule in (
                *ranges(**self.comparison), ('max_nroi', self.max_nroi, self.max_nroi >= 1, 'at least 1')):
            if not fits:
                raise InputError(f"The setting {name} of 'nroi' must be {rule}; it is {value!r}.")
        take_network(self, Network(self.name, 'CAMHead', self.config, self.checkpoint))

    @property
    def comparison(self):
        """The settings of ``nroi_shares``."""
        return {name: getattr(self, name) for name in ('num_clusters', 'sure', 'unlike', 'tau', 'prior', 'margin')}

    def check(self):
        """Raises InputError when weights, config and head do not fit, or the backbone returns no earlier map."""
        head = self.network.load().decode_head
        maps = len(self.network.model.backbone.out_indices)
        if not -maps <= self.in_index < maps or self.in_index % maps == head.in_index % maps:
            raise InputError("The refinement 'nroi' compares pixels on an earlier map than the classifier's. "
                             f'in_index={self.in_index} is none in {self.config}, whose backbone returns {maps}: let '
                             'it return one more (model.backbone.out_indices, and model.decode_head.in_index for the '
                             'last), as in cam_mobilenetv2-os16-frozen5_msrc_fbr. The weights stay the same.')

    def look(self, image, cam, classes, device='cpu'):
        """What the gallery learns of an image: its classes, those with a prototype (bool), their prototypes, and its
        NROIs."""
        settings = {name: self.comparison[name] for name in ('num_clusters', 'sure', 'unlike')}
        parts = image_parts(*self._compared(image, cam, device), **settings)
        return classes, *(x[0].cpu().numpy() for x in (parts.sure, parts.prototypes)), parts.nroi[
            parts.exists].cpu().numpy()

    def remember(self, looks, num_classes, device='cpu'):
        """Makes the gallery, on ``device``, of what ``look`` found in the images of ``nroi_from``.

        Raises InputError when they show no background.
        """
        looks = list(looks)
        nroi = np.concatenate([look[3] for look in looks])
        if not len(nroi):
            raise InputError(f"The refinement 'nroi' found no background in the images of {self.nroi_from}: no pixel "
                             f'of their maps is below unlike={self.unlike}. Leave nroi_from out.')
        means = np.zeros((num_classes, nroi.shape[1]))
        for classes, sure, prototypes, _ in looks:
            means[classes[sure]] += prototypes[sure]
        absent = np.ones((len(looks), num_classes), bool)
        for own, (classes, *_) in zip(absent, looks, strict=True):
            own[classes] = False
        absent = absent.repeat([len(look[3]) for look in looks], 0)
        kept = np.linspace(0, len(nroi) - 1, min(len(nroi), self.max_nroi)).round().astype(int)
        object.__setattr__(self, 'gallery', NROIGallery(
            F.normalize(torch.from_numpy(means).float(), dim=1).to(device), torch.from_numpy(nroi[kept]).to(device),
            torch.from_numpy(absent[kept]).to(device)))

    def refine(self, image, cam, device='cpu', classes=None):
        """Maps (K, H, W) float32 in [0, 1] of ``image`` (H, W, 3) uint8 and ``cam`` (K, H, W), of ``classes`` (K,),
        which the gallery wants to know."""
        if not len(cam):
            return cam
        gallery = self.gallery and replace(self.gallery, prototypes=self.gallery.prototypes[classes],
                                           absent=self.gallery.absent[:, classes])
        compared = self._compared(image, cam, device)
        shares, known = nroi_shares(*compared, **self.comparison, gallery=gallery)
        shares = resize(shares, image.shape[:2])[0].clamp(0, 1)
        return torch.where(known[0, :, None, None], shares, torch.from_numpy(cam).to(device)).cpu().numpy()

    def _compared(self, image, cam, device):
        """The map on which pixels are compared, scores on it, labels, validity, random numbers."""
        feature, mirrored = self.network.features(image, True, device)[self.in_index].float()
        feature = ((feature + mirrored.flip(2)) / 2)[None]
        seeds = normalise_by_max(reduced(torch.from_numpy(cam).to(device), feature.shape[2:]))[None]
        labels, everywhere = (torch.ones(1, *size, dtype=torch.bool, device=feature.device)
                              for size in ((len(cam),), feature.shape[2:]))
        return feature, seeds, labels, everywhere, derived_generator(device, 'NROI refinement')
