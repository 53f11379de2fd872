"""ViT CAM with patch token contrast (Ru et al., CVPR 2023) on MS COCO 2014: ViT-B/16, 80 000 iterations of 8 crops,
all GPUs together; the contrast begins after 12 000."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/coco14.py', '../../_base_/models/ptc_vit-b16.py',
    '../../_base_/schedules/ptc_adamw.py'
]
model = dict(decode_head=dict(num_classes=81, loss_ptc=dict(high=0.65, begin=12000)))
crop_size = (448, 448)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
train_cfg = dict(max_iters=80000)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=1500, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=80000, by_epoch=False)
]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
cam_cfg = dict(size=(448, 448), scales=(0.5, 1.0, 1.5))
