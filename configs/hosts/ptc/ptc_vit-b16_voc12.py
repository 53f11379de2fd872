"""ViT CAM with patch token contrast (Ru et al., CVPR 2023) on PASCAL VOC 2012: ViT-B/16, 20 000 iterations of 4
crops, all GPUs together."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/voc12.py', '../../_base_/models/ptc_vit-b16.py',
    '../../_base_/schedules/ptc_adamw.py'
]
crop_size = (448, 448)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
cam_cfg = dict(size=(448, 448), scales=(0.5, 1.0, 1.5))
