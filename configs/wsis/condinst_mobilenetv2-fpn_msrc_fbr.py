"""condinst_mobilenetv2-fpn_msrc with FBR."""
_base_ = './condinst_mobilenetv2-fpn_msrc.py'
model = dict(
    type='FBRDetector',
    base='CondInst',
    fbr=dict(in_channels=96, in_index=0, supervision='mask', loss=dict(type='FBRLoss')))
