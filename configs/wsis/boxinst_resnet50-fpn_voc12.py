"""BoxInst on ResNet-50 with FPN, PASCAL VOC 2012: learns from boxes, 12 passes in batches of 8."""
_base_ = [
    '../_base_/det_runtime.py', '../_base_/datasets/voc12_boxes.py',
    '../_base_/models/boxinst_resnet50-fpn.py', '../_base_/schedules/det_sgd_16k.py'
]
model = dict(bbox_head=dict(num_classes=20))
