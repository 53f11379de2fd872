"""condinst_resnet50-fpn_coco14 with FBR."""
_base_ = './condinst_resnet50-fpn_coco14.py'
model = dict(
    type='FBRDetector',
    base='CondInst',
    fbr=dict(in_channels=256, in_index=0, supervision='mask', loss=dict(type='FBRLoss')))
