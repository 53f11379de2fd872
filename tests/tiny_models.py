"""Small mmseg models and batches for the tests of the network parts."""
import torch
from mmengine.config import ConfigDict
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmfbr.registry import MODELS

CHANNELS = 64  # of the last stage of the backbone below


def fbr_loss(**settings):
    settings = {'nroi': dict(num_clusters=3, capacity=50, channels=16), 'sampler': dict(num_negatives=12), **settings}
    return dict(type='FBRLoss', **settings)


def segmentor(fbr=True, neck=None, losses=None, num_classes=4, seed=0, dropout=0.1, **fbr_settings):
    """An ``EncoderDecoder`` of a thin ResNet-18 with an FCN head, with or without FBR."""
    return _model('EncoderDecoder', fbr, neck, losses, seed, dict(
        type='FCNHead', in_channels=CHANNELS, in_index=3, channels=16, num_convs=1, num_classes=num_classes,
        norm_cfg=dict(type='BN'), dropout_ratio=dropout), dict(type='CrossEntropyLoss'), fbr_settings)


def cam_segmentor(fbr=True, neck=None, losses=None, num_classes=4, seed=0, head=None, **fbr_settings):
    """A ``CAMSegmentor`` on the same backbone."""
    return _model('CAMSegmentor', fbr, neck, losses, seed, dict(
        type='CAMHead', in_channels=CHANNELS, in_index=3, num_classes=num_classes, **(head or {})),
        dict(type='MultiLabelSoftMarginLoss'), fbr_settings)


def _model(kind, fbr, neck, losses, seed, head, host_loss, fbr_settings):
    torch.manual_seed(seed)
    head['loss_decode'] = losses or [host_loss] + ([fbr_loss(**fbr_settings)] if fbr else [])
    if fbr:
        neck = dict(type='FBRNeck', in_channels=CHANNELS, in_index=3, channels=16, neck=neck)
    model = MODELS.build(dict(
        type=f'mmseg.{kind}' if kind == 'EncoderDecoder' else kind,
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', mean=[0.] * 3, std=[1.] * 3, size_divisor=16),
        backbone=dict(type='mmseg.ResNet', depth=18, stem_channels=8, base_channels=8, strides=(1, 2, 1, 1),
                      norm_cfg=dict(type='BN')),
        neck=neck, decode_head={**head, 'type': head['type'] if kind == 'CAMSegmentor' else 'mmseg.' + head['type']},
        train_cfg=None, test_cfg=ConfigDict(mode='whole')))
    model.init_weights()
    return model.train()


def batch(labels=None, images=2, size=32, num_classes=4, seed=1, present=None):
    """Normalised images and samples with a random mask (or ``labels`` (N, size, size)) and image-level labels."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randn(images, 3, size, size, generator=generator)
    if labels is None:
        coarse = torch.randint(0, num_classes, (images, 4, 4), generator=generator)
        labels = coarse.repeat_interleave(size // 4, 1).repeat_interleave(size // 4, 2)
    samples = []
    for index, label in enumerate(labels):
        sample = SegDataSample(metainfo=dict(img_shape=(size, size), ori_shape=(size, size), pad_shape=(size, size)))
        sample.gt_sem_seg = PixelData(data=label[None])
        hot = torch.zeros(num_classes, dtype=torch.bool)
        hot[label[label < num_classes].unique() if present is None else present[index]] = True
        sample.gt_label = LabelData(multi_hot=hot)
        samples.append(sample)
    return pixels, samples


def fbr_of(model):
    """The ``FBRLoss`` of a model."""
    return next(loss for loss in model.decode_head.loss_decode if type(loss).__name__ == 'FBRLoss')
