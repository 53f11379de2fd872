"""ViT-B/16 with two classifiers, on the patch tokens of its last layer and of the third from last, and the contrast
between them (ToCo)."""
_base_ = './cam_vit-b16.py'
model = dict(
    data_preprocessor=dict(size=(448, 448), size_divisor=None),
    backbone=dict(
        out_indices=(9, 11), patch_bias=True, norm_cfg=dict(type='LN', eps=1e-6), drop_path_rate=0.0),
    decode_head=dict(
        _delete_=True,
        type='PTCHead',
        in_channels=768,
        in_index=1,
        num_classes=21,
        aux_index=0,
        loss_ptc=dict(low=0.25, high=0.7)))
