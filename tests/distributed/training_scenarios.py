"""Training steps under DDP with `find_unused_parameters=False`, of batches in which there is little to learn."""
import copy
import math
import tempfile
from pathlib import Path

import tiny_detectors
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from process_group import Traffic, digest, scenario
from tiny_models import batch, cam_segmentor, fbr_loss, segmentor
from torch import distributed

from mmfbr.models import FBRHead, FBRLoss

CAPACITY = 5000  # more than all pushes of a scenario: the fill says how many there were
NOTHING = dict(w_if=0., w_fb=0., w_decouple=0., w_bg_seg=0.)
NROI = dict(num_clusters=3, capacity=CAPACITY, channels=16)


def wrapped(model):
    """The model as mmengine's runner wraps it."""
    return MMDistributedDataParallel(model, device_ids=None, broadcast_buffers=False, find_unused_parameters=False)


def optimizer(model, **settings):
    return OptimWrapper(torch.optim.SGD(model.parameters(), 0.01), **settings)


class Watch:
    """A wrapped model with its optimizer; notes each step."""

    def __init__(self, model, **settings):
        self.fbr = [part for part in model.modules() if isinstance(part, FBRLoss)]
        self.model, self.optimizer, self.notes, self._pushed = wrapped(model), optimizer(model, **settings), [], 0
        for loss in self.fbr:
            loss.nroi.push = self._counted(loss.nroi.push)

    def _counted(self, push):
        def counting(rows, keep):
            self._pushed += int(keep.sum())
            push(rows, keep)
        return counting

    def step(self, data):
        before, self._pushed = self.fill(), 0
        with Traffic() as traffic:
            values = self.model.train_step(copy.deepcopy(data), self.optimizer)
        banks = [buffer for loss in self.fbr for buffer in (loss.nroi.content, loss.nroi.pointer, loss.steps)]
        self.notes.append(dict(
            bank=digest(banks), weights=digest(self.model.parameters()), pushed=self._pushed, new=self.fill() - before,
            finite=all(math.isfinite(value) for value in values.values()), traffic=traffic.bytes,
            fbr=sum(float(value) for key, value in values.items() if key.endswith(('loss_fbr', 'loss_fbr_b')))))

    def fill(self):
        return sum(int(loss.nroi.fill) for loss in self.fbr)

    def fbr_weights(self):
        """Digest of the parameters of FBR's projections."""
        return digest(p for name, p in self.model.named_parameters() if '.phi_' in name)


def rounds(batches, rank):
    """Batches of different kinds in the processes, each kind in each; then the kinds without NROIs in all of them."""
    for step in range(len(batches)):
        yield batches[(step + rank) % len(batches)]
    yield from batches[2:4]


def trained(model, batches, rank):
    watch = Watch(model)
    before = watch.fbr_weights()
    for data in rounds(batches, rank):
        watch.step(data)
    return dict(notes=watch.notes, fbr_trains=watch.fbr_weights() != before)


# mmseg

def data_of(pixels, samples):
    return dict(inputs=list(pixels), data_samples=samples)


def degenerate_batches(rank):
    """Of two images: ordinary, background alone, no background, all ignored, one class; and of one image."""
    zero = torch.zeros(2, 32, 32, dtype=torch.long)
    half = zero.clone()
    half[:, :16] = 2
    generator = torch.Generator().manual_seed(9)
    no_background = torch.randint(1, 4, (2, 4, 4), generator=generator).repeat_interleave(8, 1).repeat_interleave(8, 2)
    return [data_of(*batch(labels, images, seed=rank + 1)) for labels, images in (
        (None, 2), (zero, 2), (no_background, 2), (zero + 255, 2), (half, 2), (None, 1))]


@scenario(4)
def segmentor_steps(rank, world):
    return trained(segmentor(nroi=NROI), degenerate_batches(rank), rank)


@scenario(2)
def cam_steps(rank, world):
    return trained(cam_segmentor(nroi=NROI), degenerate_batches(rank), rank)


@scenario(2)
def warmup_steps(rank, world):
    return trained(segmentor(nroi=NROI, warmup_iters=99), degenerate_batches(rank)[::3], rank)


@scenario(2)
def weightless_steps(rank, world):
    return trained(segmentor(nroi=NROI, **NOTHING), degenerate_batches(rank)[::3], rank)


@scenario(2)
def two_losses_steps(rank, world):
    losses = [dict(type='mmseg.CrossEntropyLoss'), fbr_loss(nroi=NROI), fbr_loss(nroi=NROI, loss_name='loss_fbr_b')]
    return trained(segmentor(losses=losses), degenerate_batches(rank), rank)


def with_head(**settings):
    """A segmentor with an ``FBRHead`` in place of an ``FBRLoss``."""
    model = segmentor(losses=[dict(type='mmseg.CrossEntropyLoss')])
    model.auxiliary_head = FBRHead(num_classes=4, loss=fbr_loss(nroi=NROI, **settings))
    return model


@scenario(2)
def head_steps(rank, world):
    return trained(with_head(), degenerate_batches(rank), rank)


@scenario(2)
def head_warmup_steps(rank, world):
    return trained(with_head(warmup_iters=99), degenerate_batches(rank)[::3], rank)


@scenario(2)
def head_weightless_steps(rank, world):
    return trained(with_head(**NOTHING), degenerate_batches(rank)[::3], rank)


@scenario(2)
def accumulated(rank, world):
    """Two steps of two batches each, and the same by hand: mean over batches and processes of the gradients."""
    batches = [data_of(*batch(seed=10 * rank + step)) for step in range(4)]
    watch = Watch(segmentor(nroi=NROI, dropout=0), accumulative_counts=2)
    model = segmentor(nroi=NROI, dropout=0)
    by_hand = torch.optim.SGD(model.parameters(), 0.01)
    for step, data in enumerate(batches):
        watch.step(data)
        found = model(**model.data_preprocessor(copy.deepcopy(data), True), mode='loss')
        (model.parse_losses(found)[0] / 2).backward()
        if step % 2:
            for parameter in model.parameters():
                distributed.all_reduce(parameter.grad)
                parameter.grad /= world
            by_hand.step()
            by_hand.zero_grad()
    pairs = zip(watch.model.parameters(), model.parameters(), strict=True)
    return dict(notes=watch.notes, start=digest(segmentor(nroi=NROI, dropout=0).parameters()),
                difference=max(float((one - other).abs().max()) for one, other in pairs))


@scenario(2)
def traffic(rank, world):
    """Bytes of a step with and without FBR, by the side of the images; the parameters of FBR."""
    def bytes_of(model, size):
        watch = Watch(model)
        for seed in range(3):  # the first one also arranges the gradients
            watch.step(data_of(*batch(size=size, seed=seed)))
        return watch.notes[-1]['traffic']
    own = [p.nbytes for name, p in segmentor(nroi=NROI).named_parameters() if '.phi_' in name]
    return dict(parameters=sum(own), **{
        name: {size: bytes_of(segmentor(fbr=fbr, **({'nroi': NROI} if fbr else {})), size) for size in (32, 64)}
        for name, fbr in (('fbr', True), ('host', False))})


# mmdet

def detector_batches(rank):
    """Ordinary, without an instance, without a background cell, a crowd over everything; and of one image."""
    sample, whole = tiny_detectors.sample, [0, 0, 48, 32]
    two = [sample([[0, 0, 16, 16], [8, 8, 40, 28]], [0, 2]), sample([[4, 4, 28, 28]], [1])]
    kinds = (two, [sample([], [])] * 2, [sample([whole], [1])] * 2, [sample([], [], ignored=[whole])] * 2, two[1:])
    return [tiny_detectors.batch(copy.deepcopy(kind), seed=rank) for kind in kinds]


def detector_steps(rank, world, kinds=slice(None), **changes):
    with tempfile.TemporaryDirectory() as folder:
        config = tiny_detectors.config(Path(folder), fbr__loss__nroi=NROI, **changes)
    return trained(tiny_detectors.detector(config.model), detector_batches(rank)[kinds], rank)


@scenario(2)
def detector_mask_steps(rank, world):
    return detector_steps(rank, world)


@scenario(2)
def detector_box_steps(rank, world):
    return detector_steps(rank, world, fbr__supervision='box')


@scenario(2)
def detector_warmup_steps(rank, world):
    return detector_steps(rank, world, kinds=slice(2), fbr__loss__warmup_iters=99)


@scenario(2)
def detector_weightless_steps(rank, world):
    settings = {f'fbr__loss__{name}': weight for name, weight in NOTHING.items()}
    return detector_steps(rank, world, kinds=slice(2), fbr__pixel_weight=0., **settings)
