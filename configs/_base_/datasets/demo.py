"""The embedded demo data: four classes of things, each with its own background in training. Made by
tools/prepare_data.py demo."""
data_root = '{{$DEMO_ROOT:data/demo}}'
classes = ('background', 'train', 'boat', 'cow', 'aeroplane')
palette = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='PackImageLabelInputs')
]  # what mmseg.apis.inference_model reads
dataset = dict(
    type='ImageLabelDataset',
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages'),
    labels=dict(source='file', path='image_labels.json'),
    metainfo=dict(classes=classes, palette=palette))
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        **dataset,
        ann_file='ImageSets/trainval.txt',
        pipeline=[dict(type='LoadCheckedImage'), dict(type='RandomFlip', prob=0.5), dict(type='PackImageLabelInputs')]))
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **dataset,
        ann_file='ImageSets/val.txt',
        test_mode=True,
        pipeline=[dict(type='LoadCheckedImage'), dict(type='PackImageLabelInputs')]))
val_evaluator = dict(type='ImageLabelMetric')
val_cfg = dict(type='ValLoop')
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ImageLabelDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/test.txt',
        labels=dict(source='file', path='image_labels.json'),
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=[dict(type='LoadCheckedImage'), dict(type='LoadAnnotations'), dict(type='PackImageLabelInputs')]))
test_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='ImageLabelMetric')]
test_cfg = dict(type='TestLoop')
# Multi-scale inference of class activation maps: base size (None: the image's own), scales of it, flip.
cam_cfg = dict(size=None, scales=(1.0, ), flip=True)
