"""ppc-eps_resnet18_demo with FBR, a bank for each view, weighed as in cam_resnet18_demo_fbr."""
_base_ = './ppc-eps_resnet18_demo.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=256, in_index=2),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='EquivarianceLoss'),
        dict(type='SaliencyLoss', tau=0.1),
        dict(type='PrototypeContrastLoss', in_channels=256, prototype_divisor=16, bg_score=0.1)
    ] + 2 * [
        dict(
            type='FBRLoss',
            w_fb=0.5,
            w_if=0.5,
            warmup_iters=32,
            nroi=dict(type='NROIBank', capacity=20_000),
            sampler=dict(type='ActiveSampler', rate=1.0, quantile=0.0))
    ]))
