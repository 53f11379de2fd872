"""cam_resnet50_voc12 with FBR from the second pass on."""
_base_ = './cam_resnet50_voc12.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=2048, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='FBRLoss', warmup_iters=661, nroi=dict(type='NROIBank'), sampler=dict(type='ActiveSampler'))
    ]))
