"""ViT CAM with patch token contrast (Ru et al., CVPR 2023) on the demo data, from scratch: four narrow layers on
patches of 8 pixels, small enough for a CPU."""
_base_ = '../../cam/cam_resnet18_demo.py'
model = dict(
    data_preprocessor=dict(batch_scale=None),
    backbone=dict(
        _delete_=True,
        type='VisionTransformer',
        img_size=(128, 128),
        patch_size=8,
        embed_dims=96,
        num_layers=4,
        num_heads=3,
        out_indices=(2, 3),
        patch_bias=True,
        final_norm=True),
    decode_head=dict(type='PTCHead', in_channels=96, in_index=1, aux_index=0, pooling='max'))
