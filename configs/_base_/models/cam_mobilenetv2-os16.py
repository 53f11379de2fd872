"""MobileNetV2 at stride 16 with frozen batch statistics, classified by global average pooling."""
model = dict(
    type='CAMSegmentor',
    data_preprocessor=dict(
        type='CAMDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=16,
        batch_scale=(0.75, 1.25)),
    backbone=dict(
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(6, ),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$MOBILENETV2_WEIGHTS:weights/mobilenet_v2_imagenet_mmseg.pth}}')),
    decode_head=dict(type='CAMHead', in_channels=320, in_index=0, num_classes=21, pooling='gap'),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
