"""eps_resnet38d_coco14 with FBR, with the weights of its authors for VOC."""
_base_ = './eps_resnet38d_coco14.py'
model = dict(
    neck=dict(type='FBRNeck', in_channels=4096, in_index=0),
    decode_head=dict(loss_decode=[
        dict(type='MultiLabelSoftMarginLoss'),
        dict(type='SaliencyLoss', lam=0.9),
        dict(type='FBRLoss', w_fb=0.01, nroi=dict(type='NROIBank', capacity=50_000))
    ]))
