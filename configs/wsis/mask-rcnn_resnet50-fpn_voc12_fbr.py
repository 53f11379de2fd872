"""mask-rcnn_resnet50-fpn_voc12 with FBR."""
_base_ = './mask-rcnn_resnet50-fpn_voc12.py'
model = dict(
    type='FBRDetector',
    base='MaskRCNN',
    fbr=dict(in_channels=256, in_index=0, supervision='mask', loss=dict(type='FBRLoss')))
