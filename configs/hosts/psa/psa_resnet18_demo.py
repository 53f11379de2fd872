"""AffinityNet on the demo data: three levels of the ResNet-18 of a trained cam_resnet18_demo, whose checkpoint
CAM_CHECKPOINT names."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/demo_affinity.py',
    '../../_base_/models/psa_resnet38d.py', '../../_base_/schedules/psa_sgd.py'
]
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        strides=(1, 2, 1, 1),
        out_indices=(1, 2, 3),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$CAM_CHECKPOINT:work_dirs/cam_resnet18_demo/iter_128.pth}}',
            prefix='backbone.')),
    decode_head=dict(in_channels=(64, 128, 256), channels=(32, 64, 128)))
train_cfg = dict(max_iters=150)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=150, by_epoch=False)]
