"""PPC (Du et al., CVPR 2022) on SEAM on PASCAL VOC 2012: the second view has 128 pixels."""
_base_ = '../seam/seam_resnet38d_voc12.py'
model = dict(
    view_scale=128 / 448,
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='EquivarianceLoss'),
        dict(type='PrototypeContrastLoss', in_channels=4096)
    ]))
