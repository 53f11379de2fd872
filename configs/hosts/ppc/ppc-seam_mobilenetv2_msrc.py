"""PPC (Du et al., CVPR 2022) on SEAM on MSRC-v2."""
_base_ = '../seam/seam_mobilenetv2_msrc.py'
model = dict(
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='EquivarianceLoss'),
        dict(type='PrototypeContrastLoss', in_channels=320)
    ]))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'decode_head.loss_decode': dict(lr_mult=10.0)}))
