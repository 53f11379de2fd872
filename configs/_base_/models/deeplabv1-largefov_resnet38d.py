"""DeepLabV1-LargeFOV (Chen et al., ICLR 2015) on ResNet-38: the second stage of AffinityNet, SEAM and EPS."""
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(512, 512)),
    backbone=dict(
        type='ResNet38d',
        init_cfg=dict(type='Pretrained', checkpoint='{{$RESNET38D_WEIGHTS:weights/resnet38d_imagenet.pth}}')),
    decode_head=dict(
        type='FCNHead',
        in_channels=4096,
        in_index=0,
        channels=512,
        num_convs=1,
        kernel_size=3,
        dilation=12,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
