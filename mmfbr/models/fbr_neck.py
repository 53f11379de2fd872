"""`FBRNeck`: hands feature maps on unchanged and projects one of them to the two embedding spaces of FBR."""
import warnings
import weakref

from mmfbr.files import InputError
from mmfbr.registry import MODELS

from .projections import Projections, select_map

UNREAD = ("FBRNeck does nothing here: no FBRLoss reads it. Add `dict(type='FBRLoss')` to the `loss_decode` of a head "
          'that passes its logits through every loss of that list; where no head does (Mask2Former, MaskFormer, '
          "DDRNet, PIDNet), add `auxiliary_head=dict(type='FBRHead', num_classes=...)`. Or take the neck out.")

_latest = None  # weak reference to the neck that a loss built now belongs to; see docs/design.md


class FBRNeck(Projections):
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
        if others:
            raise InputError(f'FBRNeck has no setting {", ".join(others)}. A neck of the base config keeps its '
                             "settings inside: `neck=dict(_delete_=True, type='FBRNeck', neck={{_base_.model.neck}}, "
                             'in_channels=..., in_index=...)`.')
        super().__init__(in_channels, channels, 'FBRNeck')
        self.in_index = in_index
        self.__dict__['inner'] = None if neck is None else MODELS.build(neck)  # in __dict__: not a child of its own
        if self.inner is not None:
            self._adopt(self.inner)
        global _latest
        _latest = weakref.ref(self)

    def _adopt(self, inner):
        taken = {'phi_fg', 'phi_bg', 'phi_seg'} & set(inner._modules)
        if taken:
            raise ValueError(f'FBRNeck: the neck {type(inner).__name__} has a child named {taken.pop()}, a name that '
                             'FBR keeps for itself.')
        own = {**self._modules}
        self._modules.clear()  # the inner neck's children come first, as the host's optimizer numbers them
        self._modules.update({**inner._modules, **own})
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
        feature, fault = select_map(outputs, self.in_index, self.in_channels)
        if fault and self.training:  # else FBR is not at work, and there may be fewer maps (DDRNet, PIDNet)
            raise InputError(f'FBRNeck: {fault}')
        if self.training and not self.evaluated:
            self._watch(feature)
        self.remember(None if fault else feature, fault)
        return outputs

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


def latest_neck():
    """The neck built last, if it has not run yet; else None."""
    return _latest() if _latest is not None else None
