"""ptc_vit-b16_coco14 with FBR from a fifth of the schedule on."""
_base_ = './ptc_vit-b16_coco14.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=768, in_index=1),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='FBRLoss', warmup_iters=16000, nroi=dict(type='NROIBank'), sampler=dict(type='ActiveSampler'))
    ]))
