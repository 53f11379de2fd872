"""cam_mobilenetv2-os16_msrc with FBR, from the first step on. The contrasts weigh more than by default, and every
foreground pixel is a query: on a host that learns to classify this fast the defaults move little (docs/results.md)."""
_base_ = './cam_mobilenetv2-os16_msrc.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=320, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(
            type='FBRLoss',
            w_fb=0.5,
            w_if=0.5,
            nroi=dict(type='NROIBank'),
            sampler=dict(type='ActiveSampler', rate=1.0, quantile=0.0))
    ]))
