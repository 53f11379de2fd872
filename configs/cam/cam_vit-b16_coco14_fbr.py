"""cam_vit-b16_coco14 with FBR from the second pass on."""
_base_ = './cam_vit-b16_coco14.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=768, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='FBRLoss', warmup_iters=5174, nroi=dict(type='NROIBank'), sampler=dict(type='ActiveSampler'))
    ]))
