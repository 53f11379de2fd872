"""ViT CAM with patch token contrast (Ru et al., CVPR 2023) on MSRC-v2: four layers of a transformer on the map of an
ImageNet MobileNetV2, 12 passes in batches of 16."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/msrc.py',
    '../../_base_/models/cam_mobilenetv2-os16.py', '../../_base_/schedules/adamw_poly.py'
]
model = dict(
    backbone=dict(
        _delete_=True,
        type='HybridVisionTransformer',
        cnn={{_base_.model.backbone}},
        cnn_channels=320,
        img_size=(256, 256),
        patch_size=16,
        embed_dims=128,
        num_layers=4,
        num_heads=4,
        out_indices=(1, 3),
        final_norm=True),
    decode_head=dict(
        _delete_=True,
        type='PTCHead',
        in_channels=128,
        in_index=1,
        num_classes=16,
        aux_index=0,
        temperature=0.2,
        prior=0.08))
