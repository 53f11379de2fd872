"""`FBRLoss`: the four terms of FBR as one loss, for ``loss_decode`` of any mmseg head and for hosts of our own."""
from functools import partial

import torch

from mmfbr.core.contrast import (
    background_bce,
    contrast,
    decoupling,
    grouped_contrast,
    mean_over_classes,
)
from mmfbr.core.views import segmentation_view
from mmfbr.files import InputError
from mmfbr.registry import MODELS

from .fbr_neck import latest_neck
from .run_log import RunLog
from .step_count import StepCount

NO_NECK = ('FBRLoss has no features to read: the model has no FBRNeck. Add '
           "`neck=dict(type='FBRNeck', in_channels=..., in_index=...)` to the model; a neck that is there already goes "
           "inside it (`neck=dict(type='FBRNeck', neck=dict(...), ...)`). In a model that builds its heads before its "
           'neck, call `FBRLoss.bind(neck)`.')

NO_MAP = ('FBRLoss needs class logits (N, C, h, w) and labels (N, h, w); this head calls it with {} and {}. A '
          'point head sees single pixels: put the FBRLoss line into a head that predicts maps (in PointRend '
          "`decode_head[0]`), or add `auxiliary_head=dict(type='FBRHead', num_classes=...)`.")


class FBRLoss(StepCount):
    """w_if L_if + w_fb L_fb + w_decouple L_decouple + w_bg_seg L_bg_seg (method: losses; Eq. 6, 7 and 9 of arXiv
    2406.15755).

    Args:
        nroi (dict): config of the bank of NROIs.
        sampler (dict): config of the sampler.
        w_if, w_fb, w_decouple, w_bg_seg (float): weights of the terms, >= 0. A term of weight 0 is not computed.
        tau (float): temperature of both contrasts and of the class graph, > 0.
        bg_index (int | None): the background's class; None when the data has none, then L_if works alone.
        warmup_iters (int): training steps during which FBR does nothing.
        ramp_iters (int): not the paper's: steps after the warm-up over which the sum grows from 0 to its weight.
        max_pixels (int | None): not the paper's: at most so many pixels of an image, drawn anew in each step from those
            that count, make its NROIs, are decoupled and train the background segmentation. None: all, the method's.
        query_weight (str): 'equal', the method's, or, not the paper's, 'confidence': the queries of a class count by
            their scores S.
        debias, hardness (float): not the paper's: change the sum over the negatives, see ``core.contrast.info_nce``.
        loss_weight (float): factor on the sum.
        loss_name (str): key in the log, with ``loss_`` before it when it is to be trained on. The parts are logged
            under the rest of it; of a model's second loss of the same name under NAME_2.
        log_interval (int | None): steps between two pushes of the parts to the message hub. None: the run's logging
            interval.

    Raises:
        ValueError: for an argument out of range, with its value.
    """

    def __init__(self, nroi=None, sampler=None, w_if=0.1, w_fb=0.05, w_decouple=0.1, w_bg_seg=0.1, tau=0.5, bg_index=0,
                 warmup_iters=0, loss_weight=1.0, loss_name='loss_fbr', log_interval=None, ramp_iters=0, max_pixels=128,
                 query_weight='equal', debias=0.0, hardness=0.0):
        super().__init__(warmup_iters)
        weights = dict(w_if=w_if, w_fb=w_fb, w_decouple=w_decouple, w_bg_seg=w_bg_seg, warmup_iters=warmup_iters,
                       ramp_iters=ramp_iters, debias=debias, hardness=hardness)
        for name, value in weights.items():
            if value < 0:
                raise ValueError(f'FBRLoss: {name} must not be negative; it is {value!r}.')
        if max_pixels is not None and (not isinstance(max_pixels, int) or max_pixels < 1):
            raise ValueError(f'FBRLoss: max_pixels must be an integer, at least 1, or None; it is {max_pixels!r}.')
        if tau <= 0:
            raise ValueError(f'FBRLoss: tau must be positive; it is {tau!r}.')
        if debias >= 1:
            raise ValueError(f'FBRLoss: debias is a share of the negatives, below 1; it is {debias!r}.')
        if query_weight not in ('equal', 'confidence'):
            raise ValueError(f"FBRLoss: query_weight must be 'equal' or 'confidence'; it is {query_weight!r}.")
        self.nroi = MODELS.build({'type': 'NROIBank', **(nroi or {})})
        self.sampler = MODELS.build({'type': 'ActiveSampler', **(sampler or {})})
        self.w_if, self.tau, self.bg_index = w_if, tau, bg_index
        # Without a background there is nothing to tell it apart from.
        self.w_fb, self.w_decouple, self.w_bg_seg = (0.0,) * 3 if bg_index is None else (w_fb, w_decouple, w_bg_seg)
        self.loss_weight, self.loss_name = loss_weight, loss_name
        self.ramp_iters, self.max_pixels, self.query_weight = ramp_iters, max_pixels, query_weight
        self.negatives = dict(debias=debias, hardness=hardness)
        self._seen = None
        self._log = RunLog(loss_name.removeprefix('loss_'), bg_index, log_interval)
        self._neck = (None,)
        self.bind(latest_neck())
        self._paired = False  # until the neck was seen to belong to the same model

    def bind(self, neck):
        """Makes ``neck`` the one whose features are read; for models that do not build their neck just before their
        losses."""
        if neck is not None and neck is not self.bound:
            neck.is_read = True
            self._log.name = neck.free_name(self.loss_name.removeprefix('loss_'))
        self._neck = (neck,)  # in a tuple: not a child module
        self._paired = True
        return self

    def with_own_background(self):
        """Says that the background is a class which the host adds to those of the data set (as a detector does), not
        one of them."""
        self._log.bg_index = None
        return self

    @property
    def bound(self):
        """The ``FBRNeck`` this loss was bound to, or None."""
        return self._neck[0]

    def seen_neck(self):
        """The ``FBRNeck`` this loss reads, with its map of the step under way.

        No property: an export to TorchScript looks at all properties of all modules, at inference too.

        Raises:
            RuntimeError: when the model has none, or it has not seen this step's batch.
        """
        neck = self._neck[0]
        if neck is None or neck.feature is None:
            raise RuntimeError(NO_NECK)
        return neck

    @torch._disable_dynamo
    def forward(self, seg_logits, seg_label, weight=None, ignore_index=255, **kwargs):
        """The loss of a segmentation host, in the form in which mmseg's heads call their losses.

        Args:
            seg_logits (Tensor): (N, C, h, w), or (N, 1, h, w) of a binary head.
            seg_label (Tensor): (N, h, w) int64.
            weight: of a head's pixel sampler; FBR has its own sampling and does not read it.
            ignore_index (int | None): label of pixels that do not count.

        Returns:
            Tensor: scalar, connected to every parameter of the neck's FBR part.

        Raises:
            InputError: when the head predicts no maps, as a point head.
        """
        if seg_logits.dim() != 4 or seg_label.dim() != 3:
            raise InputError(NO_MAP.format(tuple(seg_logits.shape), tuple(seg_label.shape)))
        feature = self.seen_neck().feature
        size = feature.shape[2:]
        if len(seg_logits) != len(feature):
            raise RuntimeError(f'FBRLoss got logits of {len(seg_logits)} images and features of {len(feature)}: its '
                               'neck belongs to another model. Call `FBRLoss.bind(neck)` with the one of this model.')
        return self.contrast(
            lambda: segmentation_view(seg_logits.detach(), seg_label, size, self.bg_index, ignore_index), seg_logits)

    # Sampling follows the data, and the bank is state: both stay outside the graphs of ``torch.compile``. Not
    # ``torch.compiler.disable``, which imports the compiler (a sixth of the start of a tool) with this file.
    @torch._disable_dynamo
    def contrast(self, view, logits=None):
        """The loss for a host's ``view``, a function without arguments that returns a ``PixelView``.

        It is called only when there is something to compute: not in the warm-up, not a second time in a step. The
        ``logits`` are the host's, of any shape: the first ones show whether the neck belongs to the same model.
        """
        neck = self.seen_neck()
        neck.evaluated = True
        if not self._paired and logits is not None:
            if not share_graph(logits, neck.feature):
                raise RuntimeError(NO_NECK)
            self._paired = True
        total = neck.connected_zero()
        if self._seen == neck.step:  # a head that evaluates its losses several times a step
            return total
        self._seen = neck.step
        if self.training:
            self.count_step()
        weight = self.loss_weight * (self.w_if + self.w_fb + self.w_decouple + self.w_bg_seg)
        if weight == 0 or self.warming_up():
            return total
        given = view()  # at the precision of the host, whose layers it may run
        with torch.autocast(total.device.type, enabled=False):
            parts, diagnostics = self._terms(neck, given)
            weight = self.loss_weight * self._ramp()
            total = total + weight * sum(getattr(self, f'w_{name}') * part for name, part in parts.items())
        if self.training:
            self._log.push(lambda: {**parts, **diagnostics()})
        return total

    def _ramp(self):
        return min(1.0, (self._steps - self.warmup_iters) / self.ramp_iters) if self.ramp_iters else 1.0

    def _terms(self, neck, view):
        generator = self.step_generator(view.scores.device, 'FBRLoss')
        if neck.channels != self.nroi.channels:
            raise ValueError(f'FBRLoss: embeddings have {neck.channels} channels, the bank is made for '
                             f'{self.nroi.channels}. Give FBRNeck(channels=...) and NROIBank(channels=...) the same '
                             'number.')
        sample = self._sample(view.valid, generator)
        pixels, plan = neck.embedder(sample), None
        if self.w_if > 0 or self.w_fb > 0:
            plan = self.sampler.plan(pixels.rows, view, self.bg_index, self.tau, generator)
        z_fg, raw_bg, z_bg, query = pixels.embed(view.labels.new_empty(0) if plan is None else plan.queries)
        valid, labels, target = (_at(sample, x) for x in (view.valid, view.labels, view.background_target))
        parts, seen = {}, dict
        if self.w_decouple > 0:
            parts['decouple'] = decoupling(z_fg, z_bg, valid)
        if self.w_bg_seg > 0:
            parts['bg_seg'] = background_bce(neck.phi_seg(raw_bg, valid, generator), target, valid)
        if self.w_fb > 0 and self.training:
            self._push_nroi(z_bg.detach(), valid & (labels == self.bg_index), generator)
        if plan is None:
            return parts, seen
        classes, positives = plan.classes, plan.prototypes[plan.classes]
        num_classes, kept = len(plan.prototypes), plan.keep
        if self.query_weight == 'confidence':
            kept = kept * view.scores.permute(0, 2, 3, 1).flatten(0, 2)[plan.queries, classes]
        if self.w_fb > 0:
            negatives = self.nroi.sample(self.sampler.num_negatives, generator)
            loss = contrast(query, positives, negatives, self.tau, **self.negatives) * self.nroi.ready
            parts['fb'] = mean_over_classes(loss, classes, kept, num_classes)
            seen = partial(_similarity, query, positives, negatives, plan.keep, self.nroi.fill)
        if self.w_if > 0:
            if len(plan.groups):
                group = torch.searchsorted(plan.groups, classes)
                loss = grouped_contrast(query, positives, group, plan.against, self.tau, **self.negatives)
                kept = kept * plan.contrasted[group]
            else:
                loss = query.sum(1)
            parts['if'] = mean_over_classes(loss, classes, kept, num_classes)
        return parts, lambda: {**seen(), 'queries': plan.candidates}

    def _sample(self, valid, generator):
        """Which pixels (N, S) of the images are read beside the queries and what these are compared with; None: all."""
        if not (self.w_fb or self.w_decouple or self.w_bg_seg):
            return torch.empty(len(valid), 0, dtype=torch.int64, device=valid.device)
        valid = valid.flatten(1)
        if self.max_pixels is None or valid.shape[1] <= self.max_pixels:
            return None
        key = torch.rand(valid.shape, generator=generator, device=valid.device)
        index = key.masked_fill_(~valid, -1).topk(self.max_pixels).indices  # pixels that count go first
        return index.sort(1).values  # in the order of the memory they are read from

    def _push_nroi(self, z_bg, background, generator):
        nroi, exists = self.nroi.extract(z_bg, background, generator)
        # A gradient scaler passes over a step that overflowed; the bank would keep it for thousands.
        self.nroi.push(nroi.flatten(0, 1), (exists & nroi.isfinite().all(2)).flatten())

    def forget(self):
        """Starts with an empty bank, too."""
        super().forget()
        self.nroi.clear()


def _at(sample, values):
    """``values`` (N, H, W), or None, at the pixels ``sample`` (N, S); at all of them, (N, H * W), where it is None."""
    if values is None:
        return None
    return values.flatten(1) if sample is None else values.flatten(1).gather(1, sample)


def share_graph(a, b):
    """False when two tensors have gradient graphs with no operation in common: they come from different models."""
    if a.grad_fn is None or b.grad_fn is None:
        return True  # nothing to tell by, as with a frozen backbone
    nodes = _operations(b)
    return any(node in nodes for node in _operations(a))


def _operations(tensor):
    """The nodes behind a tensor, without the parameters at the end: models may share those."""
    found, left = set(), [tensor.grad_fn]
    while left:
        node = left.pop()
        if node is not None and node not in found and not hasattr(node, 'variable'):
            found.add(node)
            left += [parent for parent, _ in node.next_functions]
    return found


@torch.no_grad()
def _similarity(query, positives, negatives, keep, fill):
    """The bank's fill, and the mean cosine of the queries to their prototypes and to the NROIs drawn, as tensors."""
    q, p, n = (torch.nn.functional.normalize(x, dim=1) for x in (query, positives, negatives))
    count = keep.sum().clamp(min=1)
    return dict(bank_fill=fill, sim_pos=((q * p).sum(1) * keep).sum() / count,
                sim_neg=((q @ n.mean(0)) * keep).sum() / count)
