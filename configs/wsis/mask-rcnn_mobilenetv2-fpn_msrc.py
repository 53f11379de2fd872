"""Mask R-CNN on MobileNetV2 with FPN, MSRC-v2: learns from pseudo instances."""
_base_ = [
    '../_base_/det_runtime.py', '../_base_/datasets/msrc_instances.py',
    '../_base_/models/mask-rcnn_mobilenetv2-fpn.py', '../_base_/schedules/det_adamw_short.py'
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=15), mask_head=dict(num_classes=15)))
