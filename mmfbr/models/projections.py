"""The projections phi_fg, phi_bg and phi_seg of one feature map, whoever has the map: `FBRNeck`, a detector."""
import math
import weakref

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfbr.core.embed import embedder
from mmfbr.core.rows import NormReluLinear
from mmfbr.core.stream import isolated
from mmfbr.files import InputError


def select_map(maps, in_index, in_channels):
    """The map (N, ``in_channels``, H, W) of ``in_index`` and None, or None and what is wrong with these two settings.

    Args:
        maps (Tensor | Sequence): of a backbone or neck: one bare map, several, or pairs of map and class token.
    """
    maps = [maps] if isinstance(maps, Tensor) else [m[0] if isinstance(m, (list, tuple)) else m for m in maps]
    if not -len(maps) <= in_index < len(maps):
        return None, f'in_index={in_index}, but there are {len(maps)} feature maps.'
    feature = maps[in_index]
    if feature.dim() != 4:
        return None, (f'the output of in_index={in_index} has the shape {tuple(feature.shape)}, which is not a map '
                      '(N, L, H, W). Let the backbone return maps, not tokens, or choose another index.')
    if feature.shape[1] != in_channels:
        return None, (f'the map of in_index={in_index} has {feature.shape[1]} channels, in_channels says '
                      f'{in_channels}. The maps have {[m.shape[1] for m in maps]}.')
    return feature, None


class BackgroundHead(nn.Module):
    """phi_seg: normalisation, ReLU, dropout and a 1x1 convolution to one channel (Eq. 6).

    It never runs at inference, so it needs no running statistics: it normalises by the batch's valid pixels.

    Args:
        channels (int): D. eps (float): added to the variance.
        dropout (float): share of the numbers taken away, a multiple of 1 / 256.
    """

    def __init__(self, channels, dropout=0.5, eps=1e-5):
        super().__init__()
        self.dropout, self.eps = dropout, eps
        self.norm_weight = nn.Parameter(torch.ones(channels))
        self.norm_bias = nn.Parameter(torch.zeros(channels))
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, x, valid, generator):
        """Background logits (...) of ``x`` (..., D), normalised over the pixels that are ``valid`` (...), bool; dropout
        draws from ``generator`` and acts in training only."""
        share = (valid / valid.sum().clamp(min=1)).flatten().to(x.dtype)
        x, noise = x.flatten(0, -2), None
        scale, shift, weight, bias = (parameter.flatten().to(x.dtype) for parameter in (
            self.norm_weight, self.norm_bias, self.conv.weight, self.conv.bias))
        if self.training and self.dropout > 0:
            noise = random_bytes(x.shape, generator, x.device)
            weight = weight / (1 - self.dropout)
        least = round(256 * self.dropout) - 128
        return NormReluLinear.apply(x, share, noise, least, scale, shift, weight, bias, self.eps).view(valid.shape)


def random_bytes(shape, generator, device):
    """Uniform int8 of a shape; eight to a draw, since drawing is what dropout would spend its time on."""
    size = math.prod(shape)
    words = torch.empty(-(-size // 8), dtype=torch.int64, device=device).random_(-2**63, None, generator=generator)
    return words.view(torch.int8)[:size].view(shape)


class Projections(BaseModule):
    """phi_fg, phi_bg, phi_seg, and the feature map of the step under way (method: symbols Z_fg, Z_bg; Eq. 6).

    Args:
        in_channels (int): L, channels of the map.
        channels (int): D, length of an embedding.
        key (str): part of the seed of the initialisation (Xavier), which leaves the global stream alone.
    """

    def __init__(self, in_channels, channels, key):
        super().__init__()
        self.in_channels, self.channels = in_channels, channels
        with isolated(key, torch.initial_seed()):
            self.phi_fg = nn.Conv2d(in_channels, channels, 1, bias=False)
            self.phi_bg = nn.Conv2d(in_channels, channels, 1, bias=False)
            self.phi_seg = BackgroundHead(channels)
            for projection in (self.phi_fg, self.phi_bg):
                nn.init.xavier_uniform_(projection.weight)
        self.is_read = False  # a loss was built for these projections
        self.evaluated = False  # and a head has called it
        self._names = []  # under which the losses that read them log
        self.step = 0
        self._feature, self._fault = None, 'the network has not run yet.'

    def free_name(self, name):
        """``name``, or NAME_2, NAME_3, ... where losses that read the same map log under that already."""
        number = 1 + self._names.count(name)
        self._names.append(name)
        return name if number == 1 else f'{name}_{number}'

    def remember(self, feature, fault=None):
        """Begins a step, whose map is ``feature`` (N, L, H, W), held weakly; None: a step without one, and
        ``fault`` says why to whoever asks for it."""
        self._feature, self._fault = None if feature is None else weakref.ref(feature), fault
        self.step += 1

    @property
    def feature(self):
        """The map (N, L, H, W) of the step under way; None before the first and after the step."""
        return self._feature() if self._feature is not None else None

    def embedder(self, sample=None):
        """What embeds pixels of the step's map, see ``core.embed.embedder``; ``sample`` (N, S) are those that were
        drawn, None: all.

        Raises:
            InputError: when the step has no map.
        """
        self.evaluated = True
        if self.feature is None:
            raise InputError(f'{type(self).__name__} has no map to embed: {self._fault or "the step is over."}')
        f = self.feature.flatten(2)
        weights = (projection.weight.flatten(1).to(f.dtype) for projection in (self.phi_fg, self.phi_bg))
        return embedder(f, *weights, sample)

    def connected_zero(self):
        """A zero with every parameter of FBR in its graph, for DDP."""
        own = (self.phi_fg, self.phi_bg, self.phi_seg)
        return sum(p.sum() for module in own for p in module.parameters()) * 0.0

    def __getstate__(self):
        # A copy has no step under way, and a weak reference cannot be copied.
        return {**self.__dict__, '_feature': None}
