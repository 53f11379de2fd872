"""Builds the configs of the matrix at test size, with and without FBR, and batches for them."""
import copy

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

_read = {}  # configs by row: resolving `_base_` takes longer than a small model's step


def load(row, folder, shrink=True):
    """The ``Config`` of a row, read from a file as a user has it, without downloads and at test size."""
    if row.name not in _read:
        path = folder / f'{row.name}.py'
        path.write_text(row.text)
        _read[row.name] = Config.fromfile(path)
        _read[row.name].pop('val_dataloader')  # its masks are looked for before a training, and are not here
    config = copy.deepcopy(_read[row.name])
    if shrink:
        config.merge_from_dict(row.shrink)
        config.model.data_preprocessor.size = (row.size, row.size)
        without_downloads(config.model)
    return config


def without_fbr(model):
    """The config of a model with the FBR lines taken out again."""
    model = copy.deepcopy(model)
    neck = model.pop('neck')
    if neck.get('neck'):
        model.neck = neck.neck
    if (model.get('auxiliary_head') or {}) and not isinstance(model.auxiliary_head, list) and (
            model.auxiliary_head.type == 'FBRHead'):
        del model.auxiliary_head
    heads = model.decode_head if isinstance(model.decode_head, list) else [model.decode_head]
    for head in heads:
        if isinstance(head.get('loss_decode'), list):
            head.loss_decode = [loss for loss in head.loss_decode if loss.type != 'FBRLoss']
    return model


def without_losses(node):
    """A config as plain values, without the losses of the heads and without FBR's part."""
    if isinstance(node, dict):
        return {key: without_losses(value) for key, value in node.items() if key != 'loss_decode'}
    return [without_losses(value) for value in node] if isinstance(node, (list, tuple)) else node


def build(model, scope='mmseg'):
    """An initialised model in training mode; SyncBN does not run on the CPU."""
    init_default_scope(scope)
    torch.manual_seed(0)
    built = revert_sync_batchnorm(MODELS.build(copy.deepcopy(model)))
    built.init_weights()
    return built.train()


def batch(size=64, seed=0, classes=3):
    """Two images as a data loader gives them: blocks of classes, a strip without label."""
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for _ in range(2):
        label = torch.randint(0, classes, (1, 4, 4), generator=generator)
        label = label.repeat_interleave(size // 4, 1).repeat_interleave(size // 4, 2)
        label[..., :4] = 255
        sample = SegDataSample(metainfo=dict(img_shape=(size, size), ori_shape=(size, size), pad_shape=(size, size)))
        sample.gt_sem_seg = PixelData(data=label)
        samples.append(sample)
    images = [torch.randint(0, 256, (3, size, size), generator=generator, dtype=torch.uint8) for _ in samples]
    return dict(inputs=images, data_samples=samples)


def without_downloads(node):
    """Takes the pretrained weights out of a config."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == 'pretrained' or (key == 'init_cfg' and isinstance(value, dict) and value.type == 'Pretrained'):
                node[key] = None
            without_downloads(node[key])
    elif isinstance(node, (list, tuple)):
        for value in node:
            without_downloads(value)
