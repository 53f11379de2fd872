"""mask-rcnn_resnet18-fpn_demo with FBR."""
_base_ = './mask-rcnn_resnet18-fpn_demo.py'
model = dict(
    type='FBRDetector',
    base='MaskRCNN',
    fbr=dict(in_channels=96, in_index=0, supervision='mask', loss=dict(type='FBRLoss')))
