"""ViT-B/16: the last patch tokens as a map, classified by global average pooling."""
model = dict(
    type='CAMSegmentor',
    data_preprocessor=dict(
        type='CAMDataPreprocessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        size_divisor=16),
    backbone=dict(
        type='VisionTransformer',
        img_size=(448, 448),
        patch_size=16,
        embed_dims=768,
        num_layers=12,
        num_heads=12,
        out_indices=(11, ),
        final_norm=True,
        with_cls_token=True,
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='{{$VIT_WEIGHTS:weights/vit_base_p16_imagenet.pth}}')),
    decode_head=dict(type='CAMHead', in_channels=768, in_index=0, num_classes=21, pooling='gap'),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
