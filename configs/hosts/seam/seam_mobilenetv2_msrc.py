"""SEAM (Wang et al., CVPR 2020) on MSRC-v2: MobileNetV2, frozen first stages and the schedule of
cam_mobilenetv2-os16-frozen5_msrc. The images are small: the second view is half the first one. Layers whose input is
not small need no large steps."""
_base_ = '../../cam/cam_mobilenetv2-os16-frozen5_msrc.py'
model = dict(
    type='TwoViewCAMSegmentor',
    view_scale=0.5,
    backbone=dict(out_indices=(4, 5, 6)),
    decode_head=dict(
        type='ViewCAMHead',
        in_index=2,
        pcm=dict(in_channels=(96, 160), in_index=(0, 1)),
        loss_decode=[dict(type='MultiLabelSoftMarginLoss'),
                     dict(type='EquivarianceLoss')]))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'decode_head.pcm': dict(lr_mult=10.0)}))
