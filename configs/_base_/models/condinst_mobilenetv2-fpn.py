"""CondInst on MobileNetV2 with a narrow FPN and small heads, for small images on a CPU. The backbone is mmseg's, whose
ImageNet weights the other configs use too."""
_base_ = './condinst_resnet50-fpn.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg.MobileNetV2',
        out_indices=(1, 2, 4, 6),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$MOBILENETV2_WEIGHTS:weights/mobilenet_v2_imagenet_mmseg.pth}}')),
    neck=dict(in_channels=[24, 32, 96, 320], out_channels=96),
    bbox_head=dict(in_channels=96, feat_channels=96, stacked_convs=2),
    mask_head=dict(mask_feature_head=dict(in_channels=96, feat_channels=64, num_stacked_convs=2)),
    test_cfg=dict(nms_pre=300, max_per_img=30))
