"""boxinst_resnet50-fpn_coco14 with FBR."""
_base_ = './boxinst_resnet50-fpn_coco14.py'
model = dict(
    type='FBRDetector',
    base='BoxInst',
    fbr=dict(in_channels=256, in_index=0, supervision='box', loss=dict(type='FBRLoss')))
