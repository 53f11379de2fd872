"""Pixel-adaptive refinement: class maps are carried to neighbours of like colour."""
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from mmfbr.files import InputError

DIRECTIONS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
# Affinities held at a time, 256 MiB of them.
MOST_WEIGHTS = 2**26


@dataclass(frozen=True)
class PAR:
    """Local affinity propagation (PAMR, Araslanov and Roth, CVPR 2020) with the kernel of AFA (Ru et al., CVPR 2022).

    A pixel's neighbours are the eight directions at each dilation; beyond the border the border's pixel counts. With
    the population deviation sigma over a pixel's neighbours, the mean over the colour channels, and r the distance,

        affinity = (softmax(-(|I - I'| / (w1 sigma_I))^2) + w3 softmax(-(r / (w2 sigma_r))^2)) / (1 + w3).

    The division, which AFA leaves out, lets affinities sum to 1: a constant stays what it is. So the background, given
    as a constant score, needs no map of its own: where all refined maps are below it, it wins.

    Attributes:
        dilations (tuple[int, ...]): distances of the neighbours, in working pixels.
        iterations (int): how often each pixel becomes the mean of its neighbours, weighted by affinity.
        stride (int): works on the image scaled down by it; more where the image is so large that the affinities would
            take over 256 MiB.
        w1, w2, w3 (float): width of the kernels of colour and position, weight of the latter.

    Raises:
        InputError: for no dilation, or a number out of range.
    """
    dilations: tuple = (1, 2, 4, 8, 12, 24)
    iterations: int = 10
    stride: int = 4
    w1: float = 0.3
    w2: float = 0.3
    w3: float = 0.01
    name = 'par'

    def __post_init__(self):
        whole = (*self.dilations, self.iterations + 1, self.stride)
        if not self.dilations or not all(isinstance(n, int) and n > 0 for n in whole):
            raise InputError('PAR needs one or more dilations and a stride, whole numbers from 1, and iterations from '
                             f'0; they are {self.dilations}, {self.stride} and {self.iterations}.')
        if not (self.w1 > 0 and self.w2 > 0 and self.w3 >= 0):
            raise InputError(f'PAR needs w1 > 0, w2 > 0 and w3 >= 0; they are {self.w1}, {self.w2}, {self.w3}.')

    @property
    def offsets(self):
        """[(dy, dx), ...] of the neighbours."""
        return [(dy * d, dx * d) for d in self.dilations for dy, dx in DIRECTIONS]

    def refine(self, image, cam, device='cpu'):
        """Maps (K, H, W) float32 of ``image`` (H, W, 3) uint8 and ``cam`` (K, H, W); the range of values stays."""
        if not len(cam):
            return cam
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].to(device).float()
        return self(pixels, torch.from_numpy(cam)[None].to(device))[0].cpu().numpy()

    @torch.no_grad()
    def __call__(self, images, maps):
        """Refines ``maps`` (N, K, H, W) along ``images`` (N, 3, H, W) in 0 to 255; both float32, on one device."""
        height, width = maps.shape[2:]
        working, most = self.stride, MOST_WEIGHTS // len(self.offsets)
        while -(-height // working) * -(-width // working) > most:
            working += 1
        if working > 1:
            size = (-(-height // working), -(-width // working))
            images, maps = (F.interpolate(x, size, mode='area') for x in (images, maps))
        count = max(1, most // (maps.shape[2] * maps.shape[3]))
        maps = torch.cat([self._propagate(self.affinity(some), those)
                          for some, those in zip(images.split(count), maps.split(count), strict=True)])
        if working > 1:
            maps = F.interpolate(maps, (height, width), mode='bilinear', align_corners=False)
        return maps

    def affinity(self, images):
        """Weights (N, neighbours, H, W) of each pixel's neighbours, in the order of ``offsets``; they sum to 1."""
        shifted = self._shifted(images)
        mean = sum(shifted) / len(shifted)
        deviation = (sum((x - mean).square_() for x in shifted) / len(shifted)).sqrt_()
        scale = 1 / (self.w1 * (deviation + 1e-3))  # of the range 0 to 255: a flat neighbourhood has equal weights
        colour = torch.stack([-((x - images) * scale).square_().mean(1) for x in shifted], 1).softmax(1)
        distance = torch.tensor(self.offsets, dtype=images.dtype, device=images.device).square().sum(1).sqrt()
        place = (-(distance / (self.w2 * (distance.std(correction=0) + 1e-3))).square()).softmax(0)
        return colour.add_(self.w3 * place[:, None, None]).div_(1 + self.w3)

    def _propagate(self, weights, maps):
        for _ in range(self.iterations):
            total = torch.zeros_like(maps)
            for weight, shifted in zip(weights.unbind(1), self._shifted(maps), strict=True):
                total.addcmul_(weight[:, None], shifted)
            maps = total
        return maps

    def _shifted(self, x):
        """Views (N, K, H, W) of ``x``, one a neighbour: what lies at its offset from each pixel."""
        height, width, margin = *x.shape[2:], max(self.dilations)
        padded = F.pad(x, [margin] * 4, mode='replicate')
        return [padded[..., margin + dy:margin + dy + height, margin + dx:margin + dx + width]
                for dy, dx in self.offsets]
