"""Instances of the demo data: trains on the pseudo instances of trainval (a COCO file, PSEUDO_INSTANCES), scores on
test by mAP^r. val, a part of trainval, watches. The truth is in the data set's folder annotations."""
data_root = '{{$DEMO_ROOT:data/demo}}'
classes = ('train', 'boat', 'cow', 'aeroplane')
palette = [[128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomResize', scale=(128, 128), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),  # by this name mmdet.apis finds it
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='CocoDataset',
        # Without data_root: the file of pseudo instances is relative to where the command runs.
        ann_file='{{$PSEUDO_INSTANCES:work_dirs/pseudo_instances/demo.json}}',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        filter_cfg=dict(filter_empty_gt=False),  # an image without an instance is background
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        ann_file=f'{data_root}/annotations/instances_val.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        ann_file=f'{data_root}/annotations/instances_test.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=test_pipeline))
val_evaluator = dict(type='VOCInstanceMetric', ann_file=f'{data_root}/annotations/instances_val.json')
test_evaluator = dict(type='VOCInstanceMetric', ann_file=f'{data_root}/annotations/instances_test.json')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
