"""deeplabv3plus_mobilenetv2_coco14 with FBR."""
_base_ = './deeplabv3plus_mobilenetv2_coco14.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=320, in_index=1),
    decode_head=dict(loss_decode=[
        dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        dict(type='FBRLoss', nroi=dict(type='NROIBank'), sampler=dict(type='ActiveSampler'))
    ]))
