"""ptc_hybrid-mobilenetv2_msrc with FBR from the fourth pass on, weighed as in cam_mobilenetv2-os16_msrc_fbr."""
_base_ = './ptc_hybrid-mobilenetv2_msrc.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=128, in_index=1),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(
            type='FBRLoss',
            w_fb=0.5,
            w_if=0.5,
            warmup_iters=51,
            nroi=dict(type='NROIBank'),
            sampler=dict(type='ActiveSampler', rate=1.0, quantile=0.0))
    ]))
