"""mask-rcnn_mobilenetv2-fpn_msrc with FBR."""
_base_ = './mask-rcnn_mobilenetv2-fpn_msrc.py'
model = dict(
    type='FBRDetector',
    base='MaskRCNN',
    fbr=dict(in_channels=96, in_index=0, supervision='mask', loss=dict(type='FBRLoss')))
