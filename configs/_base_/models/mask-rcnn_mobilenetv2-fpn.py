"""Mask R-CNN on MobileNetV2 with a narrow FPN and small heads, for small images on a CPU: the FPN begins at stride 8,
where a quarter of the cells is left, and smaller anchors make up for it. The backbone is mmseg's, whose ImageNet
weights the other configs use too."""
_base_ = './mask-rcnn_resnet50-fpn.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg.MobileNetV2',
        out_indices=(2, 4, 6),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$MOBILENETV2_WEIGHTS:weights/mobilenet_v2_imagenet_mmseg.pth}}')),
    neck=dict(in_channels=[32, 96, 320], out_channels=96, num_outs=4),
    rpn_head=dict(
        in_channels=96, feat_channels=96, anchor_generator=dict(scales=[4, 8], strides=[8, 16, 32, 64])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=96, featmap_strides=[8, 16, 32]),
        bbox_head=dict(in_channels=96, fc_out_channels=256),
        mask_roi_extractor=dict(out_channels=96, featmap_strides=[8, 16, 32]),
        mask_head=dict(num_convs=2, in_channels=96, conv_out_channels=96)),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=500, max_per_img=200), rcnn=dict(sampler=dict(num=32))),
    test_cfg=dict(rpn=dict(nms_pre=300, max_per_img=100), rcnn=dict(max_per_img=30)))
