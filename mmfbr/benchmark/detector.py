"""What FBR adds to a training step of a detector: the base's step and the step with FBR, in turns."""
import copy
from statistics import median

import numpy as np
import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData

from mmfbr.models.instance_labels import instances_of

from .clock import now


def measure_detector(config, size=(800, 1333), batch=2, instances=8, repeats=3, device=None):
    """Medians of the base's and of FBR's step, forward and backward, on drawn images; weights are random.

    Both models start from the same weights, and each pair of steps from the same random numbers, so that the base's
    part is the same work.

    Args:
        config (Config): whose model is an ``FBRDetector``.
        size (tuple[int, int]): height and width of the images.
        batch, instances (int): images, and instances in each.
        repeats (int): pairs of steps, after one that warms up.
        device (str | None): None: the GPU if there is one.

    Returns:
        dict: ``seconds`` of the steps ``base`` and ``fbr``, and of FBR's part ``alone``, forward and backward on the
        same map; ``share``, what the step with FBR takes more than the base's, a small difference of two noisy numbers;
        ``share_alone``, FBR's part by the base's step; and what was measured.
    """
    init_default_scope(config.get('default_scope', 'mmdet'))
    device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
    models = {}
    for name, settings in (('base', base_model(config.model)), ('fbr', copy.deepcopy(config.model))):
        torch.manual_seed(0)
        models[name] = revert_sync_batchnorm(MODELS.build(settings)).to(device).train()
    data = draw(size, batch, instances, models['fbr'].fbr.num_classes)
    seconds = {name: [] for name in (*models, 'alone')}
    for turn in range(repeats + 1):
        for name, model in models.items():
            torch.manual_seed(turn)
            inputs = model.data_preprocessor(copy.deepcopy(data), True)
            start = now(device)
            model.parse_losses(model(**inputs, mode='loss'))[0].backward()
            seconds[name].append(now(device) - start)
            model.zero_grad()
        seconds['alone'].append(_alone(models['fbr'], inputs))
    seconds = {name: median(values[1:]) for name, values in seconds.items()}
    return {'seconds': seconds, 'share': seconds['fbr'] / seconds['base'] - 1,
            'share_alone': seconds['alone'] / seconds['base'], 'detector': config.model.base, 'size': list(size),
            'batch': batch, 'instances': instances, 'device': str(device),
            'threads': torch.get_num_threads(), 'repeats': repeats}


def _alone(model, inputs):
    """Seconds of FBR's own part of a step, down to the gradient of the map it reads."""
    device = inputs['inputs'].device
    with torch.no_grad():
        feature = model.extract_feat(inputs['inputs'])[model.fbr.in_index]
    feature.requires_grad_()
    start = now(device)
    instances = [instances_of(sample, model.fbr.num_classes) for sample in inputs['data_samples']]
    sum(model.fbr.losses(feature, instances, tuple(inputs['inputs'].shape[2:])).values()).backward()
    seconds = now(device) - start
    model.zero_grad()
    return seconds


def base_model(model):
    """The config of a detector without FBR."""
    model = copy.deepcopy(model)
    model.type = model.pop('base')
    model.pop('fbr')
    return model


def draw(size, batch, instances, classes, seed=0):
    """A batch as mmdet's data loader gives it: noise with ellipses, their masks, boxes and labels."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    rng, (height, width) = np.random.default_rng(seed), size
    rows, columns = np.ogrid[:height, :width]
    inputs, samples = [], []
    for _ in range(batch):
        masks, boxes = np.zeros((instances, height, width), np.uint8), np.zeros((instances, 4), np.float32)
        for mask, box in zip(masks, boxes, strict=True):
            y, x = rng.integers(height // 8, height - height // 8), rng.integers(width // 8, width - width // 8)
            h, w = rng.integers(height // 16, height // 4), rng.integers(width // 16, width // 4)
            mask[((rows - y) / h) ** 2 + ((columns - x) / w) ** 2 <= 1] = 1
            box[:] = max(x - w, 0), max(y - h, 0), min(x + w, width), min(y + h, height)
        sample = DetDataSample(metainfo=dict(img_shape=size, ori_shape=size, pad_shape=size, scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(bboxes=torch.from_numpy(boxes), masks=BitmapMasks(masks, height, width),
                                           labels=torch.from_numpy(rng.integers(0, classes, instances)))
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
        pixels = rng.integers(0, 256, (3, height, width), np.uint8)
        inputs.append(torch.from_numpy(np.where(masks.any(0), 255 - pixels // 2, pixels)))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def table(result):
    """The numbers for reading."""
    height, width = result['size']
    return '\n'.join([
        f"{result['detector']}, {result['batch']} images of {height} x {width} with {result['instances']} instances "
        f"each, {result['device']}, {result['threads']} threads, medians of {result['repeats']}",
        f"base's step      {result['seconds']['base']:8.3f} s",
        f"step with FBR    {result['seconds']['fbr']:8.3f} s   {100 * result['share']:.1f} % more",
        f"FBR's part alone {result['seconds']['alone']:8.3f} s   {100 * result['share_alone']:.1f} % of the base's "
        'step'])
