"""deeplabv1-largefov_resnet38d_coco14 with FBR."""
_base_ = './deeplabv1-largefov_resnet38d_coco14.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=4096, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        dict(type='FBRLoss', nroi=dict(type='NROIBank'), sampler=dict(type='ActiveSampler'))
    ]))
