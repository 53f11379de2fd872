"""seam_resnet38d_voc12 with FBR, a bank for each view, with the weights of its authors."""
_base_ = './seam_resnet38d_voc12.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=4096, in_index=2),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='EquivarianceLoss')
    ] + 2 * [
        dict(type='FBRLoss', w_fb=0.01, nroi=dict(type='NROIBank', capacity=50_000))
    ]))
