"""BoxInst on a ResNet-18 of half width with FPN, from scratch, the demo data: learns from boxes."""
_base_ = [
    '../_base_/det_runtime.py', '../_base_/datasets/demo_boxes.py',
    '../_base_/models/boxinst_mobilenetv2-fpn.py', '../_base_/schedules/det_adamw_short.py'
]
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        out_indices=(0, 1, 2, 3),
        norm_eval=False),
    neck=dict(in_channels=[32, 64, 128, 256]),
    bbox_head=dict(num_classes=4))
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=None)
