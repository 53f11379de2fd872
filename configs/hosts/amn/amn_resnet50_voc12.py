"""AMN (Lee et al., CVPR 2022) on PASCAL VOC 2012: ResNet-50 at stride 16, five passes in batches of 16, all GPUs
together."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/voc12_confident.py',
    '../../_base_/models/cam_resnet50-os16.py', '../../_base_/schedules/amn_adam.py'
]
model = dict(
    data_preprocessor=dict(size=(512, 512), size_divisor=None),
    backbone=dict(frozen_stages=0),
    decode_head=dict(_delete_=True, type='AMNHead', in_channels=2048, in_index=0, num_classes=21))
train_cfg = dict(max_iters=3305)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
