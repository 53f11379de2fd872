"""Photographs brought into place by tools/prepare_data.py folder, which writes a config of its own from this one with
the classes filled in. Used as a base, it needs metainfo (and img_suffix) in each data set, and model's num_classes."""
data_root = '{{$FOLDER_ROOT:data/folder}}'
image_size = (256, 256)  # (width, height); larger ones give finer masks and cost more
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackImageLabelInputs')
]
val_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='PackImageLabelInputs')
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='PackImageLabelInputs')
]  # what mmseg.apis.inference_model reads
eval_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackImageLabelInputs')
]
dataset = dict(
    type='ImageLabelDataset',
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages'),
    labels=dict(source='file', path='image_labels.json'))
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(**dataset, ann_file='ImageSets/train.txt', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**dataset, ann_file='ImageSets/val.txt', test_mode=True, pipeline=val_pipeline))
val_evaluator = dict(type='ImageLabelMetric')
val_cfg = dict(type='ValLoop')
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ImageLabelDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/test.txt',
        labels=dict(source='file', path='image_labels.json'),
        test_mode=True,
        pipeline=eval_pipeline))
test_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='ImageLabelMetric')]
test_cfg = dict(type='TestLoop')
# Multi-scale inference of class activation maps: base size (None: the image's own), scales of it, flip.
cam_cfg = dict(size=image_size, scales=(1.0, ), flip=True)
