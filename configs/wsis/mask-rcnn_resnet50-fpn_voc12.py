"""Mask R-CNN on ResNet-50 with FPN, PASCAL VOC 2012: learns from pseudo instances, 12 passes in batches of 8."""
_base_ = [
    '../_base_/det_runtime.py', '../_base_/datasets/voc12_instances.py',
    '../_base_/models/mask-rcnn_resnet50-fpn.py', '../_base_/schedules/det_sgd_16k.py'
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=20), mask_head=dict(num_classes=20)))
