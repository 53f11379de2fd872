"""EPS (Lee et al., CVPR 2021) on MSRC-v2 with saliency maps: MobileNetV2, frozen first stages and the schedule of
cam_mobilenetv2-os16-frozen5_msrc."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/msrc_saliency.py',
    '../../_base_/models/cam_mobilenetv2-os16.py', '../../_base_/schedules/adamw_poly.py'
]
model = dict(
    backbone=dict(frozen_stages=5),
    decode_head=dict(
        type='ViewCAMHead',
        num_classes=16,
        temperature=0.2,
        prior=0.08,
        background=True,
        loss_decode=[dict(type='MultiLabelSoftMarginLoss'),
                     dict(type='SaliencyLoss')]))
train_cfg = dict(max_iters=102)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=102, by_epoch=False)]
