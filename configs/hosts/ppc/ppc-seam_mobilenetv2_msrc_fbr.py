"""ppc-seam_mobilenetv2_msrc with FBR, a bank for each view, weighed and started as in
cam_mobilenetv2-os16-frozen5_msrc_fbr."""
_base_ = './ppc-seam_mobilenetv2_msrc.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=320, in_index=2),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='EquivarianceLoss'),
        dict(type='PrototypeContrastLoss', in_channels=320)
    ] + 2 * [
        dict(
            type='FBRLoss',
            w_fb=0.5,
            w_if=0.5,
            warmup_iters=26,
            nroi=dict(type='NROIBank', capacity=50_000),
            sampler=dict(type='ActiveSampler', rate=1.0, quantile=0.0))
    ]))
