"""Refinement by NROIs: pixels go to the class or the background of their image that they look like."""
from dataclasses import dataclass, field

import torch

from mmfbr.core import reduced
from mmfbr.core.nroi_maps import nroi_shares, ranges
from mmfbr.core.stream import derived_generator
from mmfbr.core.views import normalise_by_max, resize
from mmfbr.files import InputError

from .irn import take_network
from .network import Network


@dataclass(frozen=True)
class NROI:
    """What ``NROIMapLoss`` trains maps towards, as a refinement; nothing is trained for it, and it is not the paper's.

    Pixels are compared on an earlier map of a CAM network, usually the one whose CAM is refined, with the surest
    pixels of each class and with the NROIs of the image (``core.nroi_maps.nroi_shares``). A class without sure pixels
    keeps its map, and so does an image without background.

    Attributes:
        config, checkpoint (str): of a network with a ``CAMHead`` whose backbone returns an earlier map, too.
        in_index (int): which of the backbone's maps.
        num_clusters (int), sure, unlike, tau, prior (float): see ``nroi_shares``.
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
    prior: float = 0.3
    version: int = field(init=False)
    name = 'nroi'

    def __post_init__(self):
        for name, value, fits, rule in ranges(**self.comparison):
            if not fits:
                raise InputError(f"The setting {name} of 'nroi' must be {rule}; it is {value!r}.")
        take_network(self, Network(self.name, 'CAMHead', self.config, self.checkpoint))

    @property
    def comparison(self):
        """The settings of ``nroi_shares``."""
        return {name: getattr(self, name) for name in ('num_clusters', 'sure', 'unlike', 'tau', 'prior')}

    def check(self):
        """Raises InputError when weights, config and head do not fit, or the backbone returns no earlier map."""
        head = self.network.load().decode_head
        maps = len(self.network.model.backbone.out_indices)
        if not -maps <= self.in_index < maps or self.in_index % maps == head.in_index % maps:
            raise InputError("The refinement 'nroi' compares pixels on an earlier map than the classifier's. "
                             f'in_index={self.in_index} is none in {self.config}, whose backbone returns {maps}: let '
                             'it return one more (model.backbone.out_indices, and model.decode_head.in_index for the '
                             'last), as in cam_mobilenetv2-os16-frozen5_msrc_fbr. The weights stay the same.')

    def refine(self, image, cam, device='cpu'):
        """Maps (K, H, W) float32 in [0, 1] of ``image`` (H, W, 3) uint8 and ``cam`` (K, H, W)."""
        if not len(cam):
            return cam
        feature, mirrored = self.network.features(image, True, device)[self.in_index].float()
        feature = ((feature + mirrored.flip(2)) / 2)[None]
        cam = torch.from_numpy(cam).to(device)
        seeds = normalise_by_max(reduced(cam, feature.shape[2:]))[None]
        everywhere = torch.ones_like(seeds[:, 0], dtype=torch.bool)
        shares, known = nroi_shares(feature, seeds, torch.ones_like(seeds[..., 0, 0], dtype=torch.bool), everywhere,
                                    derived_generator(device, 'NROI refinement'), **self.comparison)
        shares = resize(shares, image.shape[:2])[0].clamp(0, 1)
        return torch.where(known[0, :, None, None], shares, cam).cpu().numpy()
