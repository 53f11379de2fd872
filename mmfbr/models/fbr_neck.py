"""`FBRNeck`: hands feature maps on unchanged and projects one of them to the two embedding spaces of FBR."""
import warnings
import weakref
from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfbr.core.stream import isolated
from mmfbr.files import InputError
from mmfbr.registry import MODELS

UNREAD = ("FBRNeck does nothing here: no FBRLoss reads it. Add `dict(type='FBRLoss')` to the `loss_decode` of a head "
          'that passes its logits through every loss of that list; where no head does (Mask2Former, MaskFormer, '
          "DDRNet, PIDNet), add `auxiliary_head=dict(type='FBRHead', num_classes=...)`. Or take the neck out.")

_latest = None  # weak reference to the neck that a loss built now belongs to; see docs/design.md


class Embeddings(NamedTuple):
    """What FBR reads of a feature map. A pixel's embedding is one contiguous row: sampling, k-means and cosines read
    rows."""
    z_fg: Tensor
    """(N, H, W, D), float32, >= 0."""
    z_bg: Tensor
    """(N, H, W, D), float32, >= 0."""
    bg_logit: Tensor | None
    """(N, H, W), float32; None when it was not asked for."""


class BackgroundHead(nn.Module):
    """phi_seg: normalisation, ReLU, dropout and a 1x1 convolution to one channel (Eq. 6).

    It never runs at inference, so it needs no running statistics: it normalises by the batch's valid pixels.
    """

    def __init__(self, channels, dropout=0.5, eps=1e-5):
        super().__init__()
        self.dropout, self.eps = dropout, eps
        self.norm_weight = nn.Parameter(torch.ones(channels))
        self.norm_bias = nn.Parameter(torch.zeros(channels))
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, x, valid, generator):
        """Background logits (N, H, W) of ``x`` (N, H, W, D); dropout draws from ``generator`` and acts in training
        only."""
        share = (valid / valid.sum().clamp(min=1)).flatten().to(x.dtype)
        x = x.flatten(0, 2)
        centred = x - share @ x
        variance = share @ centred.square()
        x = torch.addcmul(self.norm_bias, centred, self.norm_weight * (variance + self.eps).rsqrt())
        weight = self.conv.weight.flatten()
        if self.training and self.dropout > 0:
            # Before the ReLU, which does not mind, all in place. ``bernoulli_`` takes three times as long on the CPU.
            x.mul_(torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype).ge_(self.dropout))
            weight = weight / (1 - self.dropout)
        return (x.relu_() @ weight + self.conv.bias).view(valid.shape)


class FBRNeck(BaseModule):
    """Returns its input as it came and lets ``FBRLoss`` embed one map of it (method: phi_fg, phi_bg, phi_seg).

    The features are not touched, so inference is that of the model without FBR. A ``neck`` inside is transparent: its
    children, parameters and buffers are this module's own, under the names they would have without FBR.

    Args:
        in_channels (int): L, channels of the map that FBR reads.
        in_index (int): which map, counted in the outputs of the inner neck if there is one, else of the backbone.
        channels (int): D, length of an embedding.
        neck (dict | None): config of the neck of the base model.
        init_cfg: taken for compatibility with mmengine; FBR's layers have their own initialisation (Xavier).

    Raises:
        InputError: for any other argument, which is what a base config's own neck leaves here without `_delete_`.
    """

    def __init__(self, in_channels, in_index=-1, channels=128, neck=None, init_cfg=None, **others):
        super().__init__(init_cfg)
        if others:
            raise InputError(f'FBRNeck has no setting {", ".join(others)}. A neck of the base config keeps its '
                             "settings inside: `neck=dict(_delete_=True, type='FBRNeck', neck={{_base_.model.neck}}, "
                             'in_channels=..., in_index=...)`.')
        self.in_channels, self.in_index, self.channels = in_channels, in_index, channels
        self.__dict__['inner'] = None if neck is None else MODELS.build(neck)  # in __dict__: not a child of its own
        if self.inner is not None:
            self._adopt(self.inner)
        with isolated('FBRNeck', torch.initial_seed()):
            self.phi_fg = nn.Conv2d(in_channels, channels, 1, bias=False)
            self.phi_bg = nn.Conv2d(in_channels, channels, 1, bias=False)
            self.phi_seg = BackgroundHead(channels)
            for projection in (self.phi_fg, self.phi_bg):
                nn.init.xavier_uniform_(projection.weight)
        self.is_read = False  # a loss was built for this neck
        self.evaluated = False  # and a head has called it
        self.step = 0
        self._feature = None
        global _latest
        _latest = weakref.ref(self)

    def _adopt(self, inner):
        taken = {'phi_fg', 'phi_bg', 'phi_seg'} & set(inner._modules)
        if taken:
            raise ValueError(f'FBRNeck: the neck {type(inner).__name__} has a child named {taken.pop()}, a name that '
                             'FBR keeps for itself.')
        self._modules.update(inner._modules)
        # The very same dictionaries: what moves or replaces an entry here does so in the inner neck.
        self._parameters, self._buffers = inner._parameters, inner._buffers

    def add_module(self, name, module):
        """As in torch; a child of the inner neck is replaced there too (conversion to SyncBN comes this way)."""
        super().add_module(name, module)
        if self.__dict__.get('inner') is not None and name in self.inner._modules:
            self.inner._modules[name] = module

    def init_weights(self):
        """Initialises the inner neck as without FBR; FBR's own layers were initialised when they were made."""
        if self.inner is not None and hasattr(self.inner, 'init_weights'):
            # mmengine's record of who initialised what, which the top-level module makes and clears.
            if hasattr(self, '_params_init_info'):
                self.inner._params_init_info = self._params_init_info
                self.inner.init_weights()
                del self.inner._params_init_info
            else:
                self.inner.init_weights()
        self._is_init = True

    def train(self, mode=True):
        """As in torch; the inner neck may freeze layers of its own in ``train``, so it is asked too."""
        super().train(mode)
        if self.inner is not None:
            self.inner.train(mode)
        return self

    def forward(self, inputs):
        """The features (or the inner neck's outputs), unchanged; the map of ``in_index`` is remembered weakly.

        Args:
            inputs (Tensor | Sequence[Tensor]): feature maps (N, L, H, W); some backbones return a single one bare, some
                a pair of map and class token for each.

        Raises:
            InputError: in training, when there is no map of that index or it has another shape; at the first backward
                pass when no loss was evaluated on it.
        """
        global _latest
        if _latest is not None and _latest() is self:
            _latest = None  # the model is complete: a loss built from now on belongs to another one
        outputs = inputs if self.inner is None else self.inner(inputs)
        feature, fault = self._select((outputs,) if isinstance(outputs, Tensor) else outputs)
        if fault and self.training:  # else FBR is not at work, and there may be fewer maps (DDRNet, PIDNet)
            raise InputError(f'FBRNeck: {fault}')
        self._feature = None if fault else weakref.ref(feature)
        if self.training and not self.evaluated:
            self._watch(feature)
        self.step += 1
        return outputs

    def _select(self, maps):
        """The map that FBR reads and None, or None and what is wrong with ``in_index`` and ``in_channels``."""
        if not -len(maps) <= self.in_index < len(maps):
            return None, f'in_index={self.in_index}, but there are {len(maps)} feature maps.'
        maps = [m[0] if isinstance(m, (list, tuple)) else m for m in maps]
        feature = maps[self.in_index]
        if feature.dim() != 4:
            return None, (f'the output of in_index={self.in_index} has the shape {tuple(feature.shape)}, which is not '
                          'a map (N, L, H, W). Let the backbone return maps, not tokens, or choose another index.')
        if feature.shape[1] != self.in_channels:
            return None, (f'the map of in_index={self.in_index} has {feature.shape[1]} channels, '
                          f'in_channels says {self.in_channels}. The maps have {[m.shape[1] for m in maps]}.')
        return feature, None

    def _watch(self, feature):
        """Lets no training go on in which nobody reads the neck: the losses of a step are known when it goes back."""
        if self.step == self.is_read:  # without a gradient there is no backward pass to stop
            warnings.warn(UNREAD, stacklevel=3)
        if feature.requires_grad:
            neck = weakref.ref(self)

            def check(gradient):
                if neck() is not None and not neck().evaluated:
                    raise InputError(UNREAD)
            feature.register_hook(check)

    @property
    def feature(self):
        """The map (N, L, H, W) of the step under way; None before the first and after the step."""
        return self._feature() if self._feature is not None else None

    def embed(self, valid, generator, background=True):
        """``Embeddings`` of the step's map; ``valid`` (N, H, W) bool says which pixels may enter phi_seg's
        normalisation."""
        self.evaluated = True
        f = self.feature.flatten(2)
        weight = torch.cat([self.phi_fg.weight, self.phi_bg.weight]).flatten(1).to(f.dtype)
        # Turned into rows after the product: there are far fewer channels than before it.
        z = torch.bmm(weight.expand(len(f), -1, -1), f).transpose(1, 2).float().contiguous()
        raw_fg, raw_bg = z.unflatten(1, valid.shape[1:]).split(self.channels, 3)
        with torch.autocast(z.device.type, enabled=False):
            bg_logit = self.phi_seg(raw_bg, valid, generator) if background else None
            return Embeddings(torch.relu(raw_fg), torch.relu(raw_bg), bg_logit)

    def connected_zero(self):
        """A zero with every parameter of FBR in its graph, for DDP."""
        own = (self.phi_fg, self.phi_bg, self.phi_seg)
        return sum(p.sum() for module in own for p in module.parameters()) * 0.0

    def __getstate__(self):
        # A copy has no step under way, and a weak reference cannot be copied.
        return {**self.__dict__, '_feature': None}


def latest_neck():
    """The neck built last, if it has not run yet; else None."""
    return _latest() if _latest is not None else None
