"""ResNet-38 at stride 8, classified by global average pooling: the CAM network of AffinityNet (Ahn and Kwak, CVPR 2018)
and SEAM. tools/convert_resnet38d.py makes its weights."""
model = dict(
    type='CAMSegmentor',
    data_preprocessor=dict(
        type='CAMDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=8),
    backbone=dict(
        type='ResNet38d',
        init_cfg=dict(type='Pretrained', checkpoint='{{$RESNET38D_WEIGHTS:weights/resnet38d_imagenet.pth}}')),
    decode_head=dict(type='CAMHead', in_channels=4096, in_index=0, num_classes=21, pooling='gap'),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
