"""amn_mobilenetv2_msrc with FBR with the weights of its authors for VOC, from the second pass on."""
_base_ = './amn_mobilenetv2_msrc.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=320, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='BalancedCrossEntropyLoss'),
        dict(
            type='FBRLoss',
            w_bg_seg=0.0,
            warmup_iters=26,
            nroi=dict(type='NROIBank', capacity=100_000),
            sampler=dict(type='ActiveSampler'))
    ]))
