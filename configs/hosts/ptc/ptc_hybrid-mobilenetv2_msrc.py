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
# The transformer starts from nothing, so it takes larger steps than the CNN below it.
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(custom_keys={
        'patch_embed.cnn': dict(lr_mult=0.2),
        'decode_head': dict(lr_mult=30.0),
        'phi_': dict(lr_mult=2.0)
    }))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=20, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=204, by_epoch=False)
]
