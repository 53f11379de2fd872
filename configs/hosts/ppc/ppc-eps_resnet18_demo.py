"""PPC (Du et al., CVPR 2022) on EPS on the demo data. Its authors' network is EPS's with the second view, the pixel
correlation and the losses of SEAM."""
_base_ = '../eps/eps_resnet18_demo.py'
model = dict(
    type='TwoViewCAMSegmentor',
    view_scale=0.5,
    backbone=dict(out_indices=(1, 2, 3)),
    decode_head=dict(
        in_index=2,
        bg_score=0.1,
        pcm=dict(in_channels=(64, 128), in_index=(0, 1)),
        loss_decode=[
            dict(type='MultiLabelSoftMarginLoss'),
            dict(type='EquivarianceLoss'),
            dict(type='SaliencyLoss', tau=0.1),
            dict(type='PrototypeContrastLoss', in_channels=256, prototype_divisor=16, bg_score=0.1)
        ]))
