"""boxinst_mobilenetv2-fpn_msrc with FBR."""
_base_ = './boxinst_mobilenetv2-fpn_msrc.py'
model = dict(
    type='FBRDetector',
    base='BoxInst',
    fbr=dict(in_channels=96, in_index=0, supervision='box', loss=dict(type='FBRLoss')))
