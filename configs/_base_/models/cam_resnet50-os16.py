"""ResNet-50 at stride 16 with frozen batch statistics, classified by global average pooling: the CAM network of IRN
(Ahn et al., CVPR 2019)."""
model = dict(
    type='CAMSegmentor',
    data_preprocessor=dict(
        type='CAMDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=16),
    backbone=dict(
        type='ResNetV1c',
        depth=50,
        strides=(1, 2, 2, 1),
        out_indices=(3, ),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='{{$RESNET50_WEIGHTS:open-mmlab://resnet50_v1c}}')),
    decode_head=dict(type='CAMHead', in_channels=2048, in_index=0, num_classes=21, pooling='gap'),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
