"""Refinement by IRN: class maps walk at random, and a learned boundary of classes stops them."""
from dataclasses import dataclass, field

import torch

from mmfbr.core import boundary_walk, enlarged, reduced
from mmfbr.files import InputError

from .network import Network


@dataclass(frozen=True)
class IRN:
    """Propagation of IRN (Ahn et al., CVPR 2019) with a network that was trained for it.

    The maps of an image are divided by the highest value that they have after the walk, so that a constant score of the
    background can be compared with them: 0.25 in the released code.

    Attributes:
        config, checkpoint (str): of a network with an ``IRNHead``.
        radius (int): cells of the boundary's map from which a step of the walk comes.
        beta (float): power of the affinities: the higher, the less passes a boundary.
        steps (int): of the walk.
        version (int): of the checkpoint's file; follows from it.

    Raises:
        InputError: for a number out of range, and as ``Network``.
    """
    config: str | None = None
    checkpoint: str | None = None
    radius: int = 5
    beta: float = 10
    steps: int = 256
    version: int = field(init=False)
    name = 'irn'

    def __post_init__(self):
        check_walk(self)
        take_network(self, Network(self.name, 'IRNHead', self.config, self.checkpoint))

    def check(self):
        """Raises InputError when weights, config and head do not fit."""
        self.network.load()

    def relations(self, image, device='cpu'):
        """Boundary (1, h, w) in [0, 1] and displacements (2, h, w), in cells, of ``image`` (H, W, 3) uint8; tensors
        of the head's stride."""
        logits, displacements = self.network(image, True, device)
        return ((logits[0] + logits[1].flip(2)) / 2).sigmoid().float(), displacements[0].float()

    def refine(self, image, cam, device='cpu', relations=None):
        """Maps (K, H, W) float32 in [0, 1] of ``image`` (H, W, 3) uint8 and ``cam`` (K, H, W); ``relations`` of the
        image where they are known."""
        if not len(cam):
            return cam
        boundary, _ = relations or self.relations(image, device)
        maps = reduced(torch.from_numpy(cam).to(device), boundary.shape[1:])
        walked = boundary_walk(maps, boundary[0], self.radius, self.beta, self.steps)
        walked = enlarged(walked, image.shape[:2])
        return (walked / walked.max().clamp(min=1e-5)).clamp_(max=1).cpu().numpy()


def check_walk(settings):
    """Raises InputError unless ``radius``, ``beta`` and ``steps`` describe a walk."""
    whole = all(isinstance(number, int) for number in (settings.radius, settings.steps))
    if not whole or settings.radius < 2 or settings.steps < 0 or settings.beta <= 0:
        raise InputError(f'The walk of {settings.name!r} needs a radius from 2 and steps from 0, whole numbers, and '
                         f'beta above 0; they are {settings.radius}, {settings.steps} and {settings.beta}.')


def take_network(settings, network):
    """Gives the frozen ``settings`` their network, and names its files as a note should."""
    known = dict(network=network, config=network.config, checkpoint=network.checkpoint, version=network.version)
    for name, value in known.items():
        object.__setattr__(settings, name, value)
