"""CAM on MS COCO 2014 from image-level labels: MobileNetV2 at stride 16, five passes in batches of 16."""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/datasets/coco14.py', '../_base_/models/cam_mobilenetv2-os16.py',
    '../_base_/schedules/adamw_poly.py'
]
model = dict(
    data_preprocessor=dict(size=(512, 512), size_divisor=None, batch_scale=None),
    decode_head=dict(num_classes=81, prior=0.036))
train_cfg = dict(max_iters=25870)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=25870, by_epoch=False)]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
