"""BoxInst on MobileNetV2 with FPN, MSRC-v2: learns from boxes."""
_base_ = [
    '../_base_/det_runtime.py', '../_base_/datasets/msrc_boxes.py',
    '../_base_/models/boxinst_mobilenetv2-fpn.py', '../_base_/schedules/det_adamw_short.py'
]
model = dict(bbox_head=dict(num_classes=15))
