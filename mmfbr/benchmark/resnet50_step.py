"""A config: DeepLabV3+ on ResNet-50 at stride 16 with FBR, the step that `tools/benchmark.py --train` measures."""
_base_ = 'mmseg::deeplabv3plus/deeplabv3plus_r50-d8_4xb4-20k_voc12aug-512x512.py'
custom_imports = dict(imports=['mmfbr'])
model = dict(
    backbone=dict(strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2)),
    neck=dict(type='FBRNeck', in_channels=2048, in_index=3),
    decode_head=dict(
        dilations=(1, 6, 12, 18),
        loss_decode=[dict(type='CrossEntropyLoss', loss_weight=1.0), dict(type='FBRLoss')]))
