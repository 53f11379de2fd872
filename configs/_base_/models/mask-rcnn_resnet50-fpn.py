"""Mask R-CNN (He et al., ICCV 2017) on ResNet-50 with FPN, as mmdet has it."""
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'
model = dict(backbone=dict(init_cfg=dict(checkpoint='{{$DET_RESNET50_WEIGHTS:torchvision://resnet50}}')))
