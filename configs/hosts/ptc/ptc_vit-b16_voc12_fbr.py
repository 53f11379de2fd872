"""ptc_vit-b16_voc12 with FBR from a fifth of the schedule on."""
_base_ = './ptc_vit-b16_voc12.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=768, in_index=1),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='FBRLoss', warmup_iters=4000, nroi=dict(type='NROIBank'), sampler=dict(type='ActiveSampler'))
    ]))
