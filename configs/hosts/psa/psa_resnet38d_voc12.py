"""AffinityNet on PASCAL VOC 2012 with the schedule of SEAM's released code: eight passes in batches of 8."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/voc12_affinity.py',
    '../../_base_/models/psa_resnet38d.py', '../../_base_/schedules/psa_sgd.py'
]
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=21),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion', brightness_delta=77, contrast_range=(0.7, 1.3), saturation_range=(0.7, 1.3)),
    dict(type='PackSegInputs')
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
