"""cam_mobilenetv2-os16-frozen5_msrc with FBR, weighed as in cam_mobilenetv2-os16_msrc_fbr, and with NROIMapLoss, which
is not the paper's and compares pixels with those of all images on the last of the frozen stages
(docs/class_maps.md)."""
_base_ = './cam_mobilenetv2-os16-frozen5_msrc.py'
model = dict(
    backbone=dict(out_indices=(4, 6)),
    neck=dict(type='FBRNeck', in_channels=320, in_index=1),
    decode_head=dict(
        in_index=1,
        loss_decode=[
            dict(type='MultiLabelSoftMarginLoss'),
            dict(
                type='FBRLoss',
                w_fb=0.5,
                w_if=0.5,
                warmup_iters=26,
                nroi=dict(type='NROIBank'),
                sampler=dict(type='ActiveSampler', rate=1.0, quantile=0.0)),
            dict(type='NROIMapLoss', in_index=0, warmup_iters=26, gallery=dict(channels=96))
        ]))
