"""ptc_vit-tiny_demo with FBR from a quarter of the schedule on, weighed as in cam_resnet18_demo_fbr."""
_base_ = './ptc_vit-tiny_demo.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=96, in_index=1),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(
            type='FBRLoss',
            w_fb=0.5,
            w_if=0.5,
            warmup_iters=32,
            nroi=dict(type='NROIBank', capacity=20_000),
            sampler=dict(type='ActiveSampler', rate=1.0, quantile=0.0))
    ]))
