"""Refinement by AffinityNet: class maps walk at random along learned affinities of pixels."""
from dataclasses import dataclass, field

import torch

from mmfbr.core import enlarged, feature_affinities, random_walk, reduced
from mmfbr.files import InputError

from .irn import check_walk, take_network
from .network import Network


@dataclass(frozen=True)
class PSA:
    """Propagation of AffinityNet (Ahn and Kwak, CVPR 2018), which SEAM and PPC use, with a network trained
    for it.

    The background walks too, with the score ``(1 - strongest activation) ** alpha``; refined maps are the shares
    score / (score + background's score), and a class wins where its share is above one half. Without ``alpha``
    (None) the threshold is the background's score, and a constant stays itself in a walk.

    Attributes:
        config, checkpoint (str): of a network with an ``AffinityHead``.
        alpha (float | None): power of the background's score; the released code's default is 16.
        radius (int): cells of the head's map from which a step of the walk comes.
        beta (float): power of the affinities.
        steps (int): of the walk.
        version (int): of the checkpoint's file; follows from it.

    Raises:
        InputError: for a number out of range, and as ``Network``.
    """
    config: str | None = None
    checkpoint: str | None = None
    alpha: float | None = 16
    radius: int = 5
    beta: float = 8
    steps: int = 256
    version: int = field(init=False)
    name = 'psa'

    def __post_init__(self):
        check_walk(self)
        if self.alpha is not None and self.alpha <= 0:
            raise InputError(f"The background's power alpha of 'psa' is above 0, or None; it is {self.alpha}.")
        take_network(self, Network(self.name, 'AffinityHead', self.config, self.checkpoint))

    def check(self):
        """Raises InputError when weights, config and head do not fit."""
        self.network.load()

    def refine(self, image, cam, device='cpu'):
        """Maps (K, H, W) float32 in [0, 1] of ``image`` (H, W, 3) uint8 and ``cam`` (K, H, W)."""
        if not len(cam):
            return cam
        features = self.network(image, False, device).float()
        scores = torch.from_numpy(cam).to(device)
        if self.alpha is not None:
            scores = torch.cat([(1 - scores.amax(0, keepdim=True)).clamp(min=0)**self.alpha, scores])
        affinity, = feature_affinities(features, self.radius)
        walked = random_walk(reduced(scores, features.shape[2:]), affinity, self.radius, self.beta, self.steps)
        walked = enlarged(walked, image.shape[:2])
        if self.alpha is not None:
            background, walked = walked[:1], walked[1:]
            walked = walked / (walked + background).clamp(min=1e-12)
        return walked.clamp_(max=1).cpu().numpy()

