"""Second stage on the demo data, from scratch: an FCN on a ResNet-18 of half width at stride 8."""
_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/demo_seg.py', '../_base_/schedules/seg_adamw_short.py']
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(128, 128)),
    backbone=dict(
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        strides=(1, 2, 1, 1),
        out_indices=(3, )),
    decode_head=dict(
        type='FCNHead',
        in_channels=256,
        in_index=0,
        channels=64,
        num_convs=1,
        concat_input=False,
        num_classes=5,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
optim_wrapper = dict(optimizer=dict(lr=2e-3), paramwise_cfg=None)
train_cfg = dict(max_iters=240, val_interval=120)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=240, by_epoch=False)]
