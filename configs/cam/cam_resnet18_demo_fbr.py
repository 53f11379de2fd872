"""cam_resnet18_demo with FBR from a quarter of the schedule on."""
_base_ = './cam_resnet18_demo.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=256, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(
            type='FBRLoss',
            warmup_iters=60,
            nroi=dict(type='NROIBank', capacity=20_000),
            sampler=dict(type='ActiveSampler'))
    ]))
