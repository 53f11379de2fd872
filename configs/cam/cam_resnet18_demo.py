"""CAM from image-level labels on the demo data, from scratch: a ResNet-18 of half width at stride 8, small enough for a
CPU."""
_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/demo.py', '../_base_/schedules/adamw_poly.py']
model = dict(
    type='CAMSegmentor',
    data_preprocessor=dict(
        type='CAMDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=8,
        multiple=8,
        batch_scale=(0.75, 1.0)),
    backbone=dict(
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        strides=(1, 2, 1, 1),
        out_indices=(3, )),
    decode_head=dict(
        type='CAMHead',
        in_channels=256,
        in_index=0,
        num_classes=5,
        pooling='gap',
        temperature=0.2,
        prior=0.3),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
optim_wrapper = dict(optimizer=dict(lr=2e-3), paramwise_cfg=None)
train_cfg = dict(max_iters=128, val_interval=64)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=20, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=20, end=128, by_epoch=False)
]
