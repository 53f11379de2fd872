"""Mask R-CNN on ResNet-50 with FPN, MS COCO 2014: learns from pseudo instances, 12 passes in batches of 8."""
_base_ = [
    '../_base_/det_runtime.py', '../_base_/datasets/coco14_instances.py',
    '../_base_/models/mask-rcnn_resnet50-fpn.py', '../_base_/schedules/det_sgd_16k.py'
]
train_cfg = dict(max_iters=120000, val_interval=20000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, begin=0, end=1000, by_epoch=False),
    dict(type='MultiStepLR', gamma=0.1, milestones=[80000, 110000], begin=0, end=120000, by_epoch=False)
]
