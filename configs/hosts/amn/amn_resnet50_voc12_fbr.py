"""amn_resnet50_voc12 with FBR with the weights of its authors."""
_base_ = './amn_resnet50_voc12.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=2048, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='BalancedCrossEntropyLoss'),
        dict(
            type='FBRLoss',
            w_bg_seg=0.0,
            nroi=dict(type='NROIBank', capacity=100_000),
            sampler=dict(type='ActiveSampler'))
    ]))
