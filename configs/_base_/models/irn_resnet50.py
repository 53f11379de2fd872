"""IRNet (Ahn et al., CVPR 2019): two branches on the five levels of a ResNet-50 that stays as it was loaded."""
model = dict(
    type='FrozenEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(512, 512)),
    backbone=dict(
        type='ResNetWithStem',
        depth=50,
        deep_stem=True,
        strides=(1, 2, 2, 1),
        init_cfg=dict(type='Pretrained', checkpoint='{{$RESNET50_WEIGHTS:open-mmlab://resnet50_v1c}}')),
    decode_head=dict(
        type='IRNHead',
        in_channels=(64, 256, 512, 1024, 2048),
        strides=(4, 4, 8, 16, 16),
        field_channels=(64, 128, 256, 256, 256)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
