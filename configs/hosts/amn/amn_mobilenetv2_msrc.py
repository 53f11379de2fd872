"""AMN (Lee et al., CVPR 2022) on MSRC-v2: MobileNetV2, frozen first stages and 6 passes in batches of 16 as in
cam_mobilenetv2-os16-frozen5_msrc; the pyramid is as wide as the maps."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/msrc_confident.py',
    '../../_base_/models/cam_mobilenetv2-os16.py', '../../_base_/schedules/adamw_poly.py'
]
model = dict(
    backbone=dict(frozen_stages=5),
    decode_head=dict(
        _delete_=True, type='AMNHead', in_channels=320, in_index=0, num_classes=16, dilations=(2, 4, 6, 8)))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}))
train_cfg = dict(max_iters=102)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=102, by_epoch=False)]
