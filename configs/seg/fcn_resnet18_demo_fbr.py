"""fcn_resnet18_demo with FBR."""
_base_ = './fcn_resnet18_demo.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=256, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        dict(type='FBRLoss', nroi=dict(type='NROIBank', capacity=20_000), sampler=dict(type='ActiveSampler'))
    ]))
