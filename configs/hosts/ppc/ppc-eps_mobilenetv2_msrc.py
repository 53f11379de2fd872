"""PPC (Du et al., CVPR 2022) on EPS on MSRC-v2. Its authors' network is EPS's with the second view, the pixel
correlation and the losses of SEAM."""
_base_ = '../eps/eps_mobilenetv2_msrc.py'
model = dict(
    type='TwoViewCAMSegmentor',
    view_scale=0.5,
    backbone=dict(out_indices=(4, 5, 6)),
    decode_head=dict(
        in_index=2,
        bg_score=0.1,
        pcm=dict(in_channels=(96, 160), in_index=(0, 1)),
        loss_decode=[
            dict(type='MultiLabelSoftMarginLoss'),
            dict(type='EquivarianceLoss'),
            dict(type='SaliencyLoss'),
            dict(type='PrototypeContrastLoss', in_channels=320, prototype_divisor=16, bg_score=0.1)
        ]))
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={
        'decode_head.pcm': dict(lr_mult=10.0),
        'decode_head.loss_decode': dict(lr_mult=10.0)
    }))
