"""cam_mobilenetv2-os16_msrc with FBR as the paper's released code weighs it in a CAM host, from the first step on."""
_base_ = ['./cam_mobilenetv2-os16_msrc.py', '../_base_/fbr_paper.py']
model = dict(
    neck=dict(type='FBRNeck', in_channels=320, in_index=0),
    decode_head=dict(loss_decode=[dict(type='MultiLabelSoftMarginLoss'), {{_base_.fbr_paper_cam}}]))
