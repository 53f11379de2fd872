"""CAM on PASCAL VOC 2012 from image-level labels: ViT-B/16, five passes in batches of 16."""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/datasets/voc12.py', '../_base_/models/cam_vit-b16.py',
    '../_base_/schedules/adamw_poly.py'
]
model = dict(data_preprocessor=dict(size=(512, 512), size_divisor=None), decode_head=dict(num_classes=21))
optim_wrapper = dict(optimizer=dict(lr=6e-5), paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}))
train_cfg = dict(max_iters=3305)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=3305, by_epoch=False)]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
