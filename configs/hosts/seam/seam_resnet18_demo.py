"""SEAM (Wang et al., CVPR 2020) on the demo data, small enough for a CPU; the second view is half the first one."""
_base_ = '../../cam/cam_resnet18_demo.py'
model = dict(
    type='TwoViewCAMSegmentor',
    view_scale=0.5,
    backbone=dict(out_indices=(1, 2, 3)),
    decode_head=dict(
        type='ViewCAMHead',
        in_index=2,
        pcm=dict(in_channels=(64, 128), in_index=(0, 1)),
        loss_decode=[dict(type='MultiLabelSoftMarginLoss'),
                     dict(type='EquivarianceLoss')]))
