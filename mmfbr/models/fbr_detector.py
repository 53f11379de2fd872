"""`FBRDetector`: any mmdet detector with FBR beside it in training, and itself in everything else."""
import functools
from contextlib import nullcontext

from torch import nn

from mmfbr.files import InputError
from mmfbr.registry import MODELS
from mmfbr.requirements_check import check_requirements

from .fbr_branch import SUPERVISION, FBRBranch
from .instance_labels import instances_of
from .projections import select_map

EXAMPLE = (f"`model = dict(type='FBRDetector', base='MaskRCNN', fbr=dict(in_channels=256, in_index=0, "
           f"supervision=...))` beside the base's own settings, with supervision {SUPERVISION}.")
HEADS = ('roi_head.bbox_head', 'bbox_head', 'panoptic_head', 'roi_head.mask_head', 'mask_head')


class FBRDetector:
    """The detector ``base`` with FBR on one output of its neck.

    The object made is an instance of ``base`` too: its keys, its losses with names and values and its inference are
    that detector's. Training adds ``loss_fbr`` and ``loss_fbr_pixel``; all state of FBR lies under ``fbr.``.

    Args:
        base (str | type): the detector, a name in mmdet's registry ('MaskRCNN', 'mmdet.MaskRCNN').
        fbr (dict): settings of ``FBRBranch``; ``num_classes`` may be left out, it is that of the detector's heads.
        settings: those of the base.

    Raises:
        InputError: for an unknown base, settings of ``fbr`` that are wrong or do not fit the detector, and masks asked
            for where the preprocessor draws boxes in their place (BoxInst); at the first step for annotations that do
            not fit (``instances_of``, ``mask_labels``).
    """

    def __new__(cls, base=None, *args, **settings):
        return object.__new__(detector_class(find_base(base)[0]) if cls is FBRDetector else cls)

    def __init__(self, base, fbr=None, **settings):
        if not isinstance(fbr, dict):
            raise InputError(f'model.fbr is missing: an FBRDetector is {EXAMPLE}')
        fbr = {**fbr}
        if 'in_channels' not in fbr:
            raise InputError(f'model.fbr.in_channels is missing: an FBRDetector is {EXAMPLE}')
        scope = find_base(base)[1]
        with MODELS.switch_scope_and_registry(scope) if scope else nullcontext():
            super().__init__(**settings)
        if hasattr(self, 'fbr'):
            raise InputError(f"model.base: the detector {base} has a part named 'fbr', a name that FBR keeps for "
                             'itself.')
        self._maps = None  # of the step under way
        self.fbr = FBRBranch(num_classes=count_classes(self, fbr.pop('num_classes', None)), **fbr)
        self._check_map()
        preprocessors = {cls.__name__ for part in self.data_preprocessor.modules() for cls in type(part).__mro__}
        if self.fbr.supervision == 'mask' and 'BoxInstDataPreprocessor' in preprocessors:
            raise InputError("model.fbr.supervision is 'mask', but model.data_preprocessor is a "
                             "BoxInstDataPreprocessor, which puts whole boxes in the masks' place. Set it to 'box'.")

    def _check_map(self):
        """What can be known of the map before the first step."""
        neck = getattr(self, 'neck', None)
        what, source = ('backbone', self.backbone) if neck is None else ('neck', neck)
        channels = getattr(source, 'out_channels', None)
        if neck is not None and isinstance(channels, int) and channels != self.fbr.in_channels:
            raise InputError(f'model.fbr.in_channels is {self.fbr.in_channels}, but the maps of model.neck have '
                             f'{channels} channels. Set it to {channels}.')
        count = getattr(source, 'num_outs', None) if neck is not None else len(getattr(source, 'out_indices', ()))
        if isinstance(count, int) and count and not -count <= self.fbr.in_index < count:
            raise InputError(f'model.fbr.in_index is {self.fbr.in_index}, but model.{what} has {count} outputs. Set it '
                             f'to a number from 0 to {count - 1}.')

    def extract_feat(self, *args, **kwargs):
        """As the base's."""
        maps = super().extract_feat(*args, **kwargs)
        if self._maps is not None:
            feature, fault = select_map(maps, self.fbr.in_index, self.fbr.in_channels)
            if fault:
                raise InputError(f'model.fbr: {fault} Correct model.fbr.in_index or model.fbr.in_channels.')
            self._maps.append(feature)
        return maps

    def loss(self, batch_inputs, batch_data_samples, *args, **kwargs):
        """The base's losses, ``loss_fbr`` and ``loss_fbr_pixel``, by name.

        Args:
            batch_inputs (Tensor): (N, 3, h, w).
            batch_data_samples (list[DetDataSample]): with ``gt_instances``.
        """
        # Before the base's step, in which heads put other masks into the samples.
        instances = [instances_of(sample, self.fbr.num_classes) for sample in batch_data_samples]
        self._maps = maps = []
        try:
            losses = super().loss(batch_inputs, batch_data_samples, *args, **kwargs)
        finally:
            self._maps = None
        if len(maps) != 1:
            raise InputError(f'model.base: in a training step {self.base_class.__name__} computes its features '
                             f'{len(maps)} times by extract_feat. FBRDetector serves detectors that do so once.')
        own = self.fbr.losses(maps[0], instances, tuple(batch_inputs.shape[2:]))
        taken = own.keys() & losses.keys()
        if taken:
            raise InputError(f'model.fbr: the detector has a loss named {min(taken)!r} already, and the log can hold '
                             "one. Give FBR's another name: `loss=dict(type='FBRLoss', loss_name='loss_...')`.")
        return {**losses, **own}

    def init_weights(self):
        """Initialises the base as without FBR, whose own layers were initialised when they were made."""
        fbr = self._modules.pop('fbr')
        try:
            super().init_weights()
        finally:
            self._modules['fbr'] = fbr

    def __reduce__(self):
        # The class is made at run time, so a copy names what it was made of.
        return _blank, (self.base_class,), self.__dict__


def find_base(base):
    """(class, scope) of a detector's name; the scope is None when the default one knows the name.

    Raises:
        InputError: when there is no such detector.
    """
    check_requirements('mmdet')
    if isinstance(base, type):
        found, scope = base, None
    elif isinstance(base, str):
        scope = base.rpartition('.')[0] or None
        with MODELS.switch_scope_and_registry(None) as registry:
            found = registry.get(base)
        if found is None and scope is None:
            found, scope = MODELS.get(f'mmdet.{base}'), 'mmdet'
    else:
        raise InputError(f'model.base is missing: an FBRDetector is {EXAMPLE}')
    if not (isinstance(found, type) and issubclass(found, nn.Module) and hasattr(found, 'extract_feat')
            and hasattr(found, 'loss')):
        kind = 'is no name in the registry of mmdet' if found is None else 'is no detector'
        raise InputError(f"model.base: {base!r} {kind}. Set it to the type of the base config's model, say 'MaskRCNN'.")
    return found, scope


@functools.cache
def detector_class(base):
    """The class of ``base`` with FBR: one and the same for each base."""
    return type(base)(f'FBR{base.__name__}', (FBRDetector, base), {'base_class': base, '__module__': __name__})


def _blank(base):
    cls = detector_class(base)
    return cls.__new__(cls)


def count_classes(detector, given=None):
    """C, what the detector's heads say and ``given`` must not contradict; the things alone of a panoptic head.

    Raises:
        InputError: when they contradict each other, or nobody says it.
    """
    said = {}
    for key in HEADS:
        head = functools.reduce(lambda part, name: getattr(part, name, None), key.split('.'), detector)
        for part in head if isinstance(head, nn.ModuleList) else [head]:
            number = getattr(part, 'num_things_classes', getattr(part, 'num_classes', None))
            if isinstance(number, int) and not getattr(part, 'class_agnostic', False):
                said[key] = said.get(key, set()) | {number}
    numbers = set().union(*said.values()) | ({given} if given is not None else set())
    if len(numbers) > 1:
        sources = [f'model.{key}.num_classes is {", ".join(map(str, sorted(found)))}' for key, found in said.items()]
        sources += [f'model.fbr.num_classes is {given}'] if given is not None else []
        raise InputError(f'The number of classes is not one number: {"; ".join(sources)}. Set all of them to that of '
                         'the data set, or leave model.fbr.num_classes out.')
    if not numbers:
        raise InputError('model.fbr.num_classes is missing: no head of this detector tells its number of classes.')
    return numbers.pop()
