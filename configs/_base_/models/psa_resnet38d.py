"""AffinityNet (Ahn and Kwak, CVPR 2018) on three levels of ResNet-38, all at stride 8."""
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(448, 448)),
    backbone=dict(
        type='ResNet38d',
        out_indices=(2, 3, 5),
        init_cfg=dict(type='Pretrained', checkpoint='{{$RESNET38D_WEIGHTS:weights/resnet38d_imagenet.pth}}')),
    decode_head=dict(type='AffinityHead', in_channels=(512, 1024, 4096), channels=(64, 128, 256)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
