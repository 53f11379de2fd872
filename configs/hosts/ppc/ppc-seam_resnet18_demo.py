"""PPC (Du et al., CVPR 2022) on SEAM on the demo data."""
_base_ = '../seam/seam_resnet18_demo.py'
model = dict(
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='EquivarianceLoss'),
        dict(type='PrototypeContrastLoss', in_channels=256)
    ]))
