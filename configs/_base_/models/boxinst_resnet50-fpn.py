"""BoxInst (Tian et al., CVPR 2021): CondInst whose masks are learned from boxes and from which pixels look alike. Its
preprocessor needs scikit-image."""
_base_ = './condinst_resnet50-fpn.py'
model = dict(
    type='BoxInst',
    data_preprocessor=dict(
        _delete_=True,
        type='BoxInstDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
        mask_stride=4,
        pairwise_size=3,
        pairwise_dilation=2,
        pairwise_color_thresh=0.3,
        bottom_pixels_removed=10),
    bbox_head=dict(type='BoxInstBboxHead', num_params=593),
    mask_head=dict(
        type='BoxInstMaskHead',
        feat_channels=16,
        topk_masks_per_img=64,
        max_masks_to_train=-1,
        mask_feature_head=dict(out_channels=16)))
