"""amn_resnet18_demo with FBR with the weights of its authors for VOC, from a quarter of the schedule on."""
_base_ = './amn_resnet18_demo.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=256, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='BalancedCrossEntropyLoss'),
        dict(
            type='FBRLoss',
            w_bg_seg=0.0,
            warmup_iters=32,
            nroi=dict(type='NROIBank', capacity=20_000),
            sampler=dict(type='ActiveSampler'))
    ]))
