"""IRN on MSRC-v2: branches on four levels of MobileNetV2, 12 passes in batches of 16."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/msrc_affinity.py',
    '../../_base_/models/irn_resnet50.py', '../../_base_/schedules/irn_sgd.py'
]
model = dict(
    data_preprocessor=dict(size=(256, 256)),
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(1, 2, 4, 6),
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$MOBILENETV2_WEIGHTS:weights/mobilenet_v2_imagenet_mmseg.pth}}')),
    decode_head=dict(
        in_channels=(24, 32, 96, 320), strides=(4, 8, 16, 16), field_channels=(64, 64, 128, 128)))
train_cfg = dict(max_iters=204)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=204, by_epoch=False)]
