"""FBR's share of a segmentor's training step: the host's step, the step with FBR, FBR's part alone, in turns."""
import copy
from functools import partial

import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import LabelData, PixelData

from mmfbr.files import InputError
from mmfbr.models import FBRLoss

from .clock import in_turns
from .measure import embedding_of


def measure_training(config, size=(512, 512), batches=(4, ), repeats=3, device=None):
    """Medians of a training step without and with FBR, forward and backward, on drawn images; weights are random.

    Both models start from the same weights, and each pair of steps from the same random numbers, so that the host's
    part is the same work. FBR is at work from the first step, whatever the config's warm-up.

    Args:
        config (Config): whose model is an mmseg segmentor with ``FBRNeck`` and ``FBRLoss``.
        size (tuple[int, int]): height and width of the images.
        batches (tuple[int]): numbers of images to measure with.
        repeats (int): rounds of all steps, after one that warms up.
        device (str | None): None: the GPU if there is one.

    Returns:
        dict: what was measured, and a row for each batch: ``seconds`` of the steps ``host`` and ``fbr``, of FBR's part
        ``alone``, forward and backward on the map it reads, and of its ``projection``; ``share``, ``share_alone`` and
        ``share_rest``, of the host's step: what the step with FBR takes more (a small difference of two noisy numbers),
        FBR's part, and that without the projections.

    Raises:
        InputError: when the config has no FBRLoss.
    """
    init_default_scope(config.get('default_scope', 'mmseg'))
    device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
    settings = copy.deepcopy(config.model)
    settings.data_preprocessor.pop('batch_scale', None)
    if 'size' in settings.data_preprocessor:
        settings.data_preprocessor.size = tuple(size)
    host, fbr = (_built(model, device) for model in (without_fbr(settings), settings))
    part = Part(fbr)
    rows = []
    for batch in batches:
        data = draw(size, batch, fbr.decode_head.num_classes)
        part.see(data)
        seconds = in_turns({'host': partial(step, host, data), 'fbr': partial(step, fbr, data), 'alone': part.alone,
                            'projection': part.projection}, repeats, device)
        rows.append({'batch': batch, 'seconds': seconds, 'share': seconds['fbr'] / seconds['host'] - 1,
                     'share_alone': seconds['alone'] / seconds['host'],
                     'share_rest': (seconds['alone'] - seconds['projection']) / seconds['host']})
    backbone = settings.backbone
    return {'model': f"{settings.decode_head.type}, {backbone.type}{backbone.get('depth', '')}",
            'map': list(part.feature.shape[1:]), 'size': list(size), 'rows': rows, 'device': str(device),
            'threads': torch.get_num_threads(), 'repeats': repeats}


class Part:
    """FBR's own part of a step of ``model``: what its ``FBRLoss`` was last called with, to be computed again."""

    def __init__(self, model):
        losses = [module for module in model.modules() if isinstance(module, FBRLoss)]
        if not losses:
            raise InputError('--train needs a config with FBRNeck and FBRLoss: take one that ends in _fbr.py.')
        self.model, self.loss, self.feature, self.view = model, losses[0], None, None
        self.loss.warmup_iters, contrast = 0, self.loss.contrast

        def remembered(view, logits=None):
            self.view, self.feature = view, self.loss.bound.feature.detach()
            return contrast(view, logits)
        self.loss.contrast, self._contrast = remembered, contrast

    def see(self, data):
        """Runs a step on ``data``, of which the others are the parts."""
        step(self.model, data)
        self._embed = embedding_of(self.loss.bound, self.alone)

    def alone(self):
        """Forward and backward of the loss, down to the gradient of the map."""
        self._begin()
        self._contrast(self.view).backward()

    def projection(self):
        """Forward and backward of the embeddings."""
        self._begin()
        self._embed()

    def _begin(self):
        self.loss.bound.zero_grad()
        self.leaf = self.feature.detach().requires_grad_()
        self.loss.bound.remember(self.leaf)


def step(model, data):
    """A training step of a segmentor on ``data`` as ``draw`` returns it, without the optimizer's."""
    torch.manual_seed(0)
    model.zero_grad()
    inputs = model.data_preprocessor(copy.deepcopy(data), True)
    model.parse_losses(model(**inputs, mode='loss'))[0].backward()


def _built(settings, device):
    torch.manual_seed(0)
    return revert_sync_batchnorm(MODELS.build(copy.deepcopy(settings))).to(device).train()


def without_fbr(model):
    """The config of a segmentor's model without the lines of FBR."""
    model = copy.deepcopy(model)
    neck = model.get('neck')
    if neck and neck.type == 'FBRNeck':
        model.neck = neck.get('neck')
    for key in ('decode_head', 'auxiliary_head'):
        head = model.get(key)
        for one in head if isinstance(head, (list, tuple)) else [head] if head else []:
            losses = one.get('loss_decode')
            if isinstance(losses, (list, tuple)):
                one.loss_decode = [loss for loss in losses if loss['type'] not in ('FBRLoss', 'NROIMapLoss')]
    return model


def draw(size, batch, classes, seed=0):
    """A batch as mmseg's data loader gives it: noise, masks of three classes an image on a quarter of its pixels, the
    rest of class 0, and the image-level labels they imply."""
    from mmseg.structures import SegDataSample
    g, inputs, samples = torch.Generator().manual_seed(seed), [], []
    for _ in range(batch):
        coarse = torch.nn.functional.interpolate(torch.rand(1, 4, 6, 6, generator=g), size, mode='bilinear')[0]
        mask = torch.randint(1, classes, (3, ), generator=g)[coarse[:3].argmax(0)]
        mask = mask.where(coarse[3] > coarse[3].quantile(0.75), 0)
        sample = SegDataSample(metainfo=dict(img_shape=tuple(size), ori_shape=tuple(size), pad_shape=tuple(size)))
        sample.gt_sem_seg = PixelData(data=mask[None])
        sample.gt_label = LabelData(multi_hot=torch.zeros(classes, dtype=torch.bool).scatter(0, mask.unique(), True))
        inputs.append(torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=g))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def table(result):
    """The numbers for reading."""
    height, width = result['size']
    lines = [f"{result['model']}, images of {height} x {width}, FBR on a map of {' x '.join(map(str, result['map']))}, "
             f"{result['device']}, {result['threads']} threads, medians of {result['repeats']}",
             'batch   host s   with FBR      more   FBR alone  of host   projection  of host   the rest  of host']
    for row in result['rows']:
        s = row['seconds']
        rest = s['alone'] - s['projection']
        lines.append(f"{row['batch']:5d} {s['host']:8.3f} {s['fbr']:10.3f} {100 * row['share']:8.1f} % "
                     f"{s['alone']:11.3f} {100 * row['share_alone']:6.2f} % {s['projection']:12.3f} "
                     f"{100 * s['projection'] / s['host']:6.2f} % {rest:10.3f} {100 * row['share_rest']:6.2f} %")
    return '\n'.join(lines)
