"""EPS (Lee et al., CVPR 2021) on MSRC-v2 with saliency maps: MobileNetV2, the schedule of cam_mobilenetv2-os16_msrc."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/msrc_saliency.py',
    '../../_base_/models/cam_mobilenetv2-os16.py', '../../_base_/schedules/adamw_poly.py'
]
model = dict(
    decode_head=dict(
        type='ViewCAMHead',
        num_classes=16,
        temperature=0.2,
        prior=0.08,
        background=True,
        loss_decode=[dict(type='MultiLabelSoftMarginLoss'),
                     dict(type='SaliencyLoss')]))
