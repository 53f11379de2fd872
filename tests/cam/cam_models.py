"""A CAM network small enough for a test, and the config that goes with it."""
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

CLASSES = ('background', 'cow', 'boat', 'train')


def cam_config(bg_index=0, bgr_to_rgb=True, root=None, **cam_cfg):
    """Random weights, stride 8, four classes; with ``root`` also a training data set there."""
    model = dict(
        type='CAMSegmentor',
        data_preprocessor=dict(type='CAMDataPreprocessor', mean=[120, 110, 100], std=[60, 50, 40],
                               bgr_to_rgb=bgr_to_rgb),
        backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=4, strides=(1, 2, 1, 1),
                      out_indices=(3, )),
        decode_head=dict(type='CAMHead', in_channels=32, in_index=0, num_classes=len(CLASSES), bg_index=bg_index),
        test_cfg=dict(mode='whole'))
    dataset = dict(
        type='ImageLabelDataset', data_root=str(root), data_prefix=dict(img_path='images'), ann_file='list.txt',
        labels=dict(source='file', path='labels.json'), metainfo=dict(classes=CLASSES), allow_empty_classes=True)
    return Config(dict(default_scope='mmseg', model=model, train_dataloader=dict(dataset=dataset), cam_cfg=cam_cfg))


def cam_model(**settings):
    """The config's model in eval mode, its classes such that each fires in some places and not in others."""
    init_default_scope('mmseg')
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MODELS.build(cam_config(**settings).model)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
        weight = torch.nn.init.normal_(model.decode_head.classifier.weight).flatten(1).detach()
        noise = torch.rand(1, 3, 64, 64)
    model.eval()
    with torch.no_grad():
        mean = model.backbone(4 * noise - 2)[0].mean((0, 2, 3))
        weight -= torch.outer(weight @ mean, mean) / mean.square().sum()
    return model
