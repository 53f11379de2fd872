"""boxinst_resnet18-fpn_demo with FBR."""
_base_ = './boxinst_resnet18-fpn_demo.py'
model = dict(
    type='FBRDetector',
    base='BoxInst',
    fbr=dict(in_channels=96, in_index=0, supervision='box', loss=dict(type='FBRLoss')))
