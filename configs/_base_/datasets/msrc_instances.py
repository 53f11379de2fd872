"""Instances of MSRC-v2: trains on the pseudo instances of trainval (a COCO file, PSEUDO_INSTANCES), scores on test by
mAP^r. val, a part of trainval, watches. The truth, instances_val.json and instances_test.json in the folder MSRC_TRUTH,
is made of SegmentationObject by tools/make_instances.py; its instances are connected segments, so that objects that
touch are one."""
data_root = '{{$MSRC_ROOT:data/msrc}}'
truth = '{{$MSRC_TRUTH:data/msrc/annotations}}'
classes = ('cow', 'sheep', 'aeroplane', 'face', 'car', 'bicycle', 'flower', 'sign', 'bird', 'book', 'chair', 'cat',
           'dog', 'body', 'boat')
palette = [[0, 0, 128], [0, 128, 0], [192, 0, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128], [64, 128, 128],
           [192, 128, 128], [64, 64, 0], [192, 64, 0], [64, 192, 0], [192, 192, 0], [0, 64, 128], [128, 64, 0],
           [64, 0, 64]]
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomResize', scale=(256, 208), ratio_range=(0.75, 1.25), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),  # by this name mmdet.apis finds it
    dict(type='Resize', scale=(256, 208), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='CocoDataset',
        # Without data_root: the file of pseudo instances is relative to where the command runs.
        ann_file='{{$PSEUDO_INSTANCES:work_dirs/pseudo_instances/msrc.json}}',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        filter_cfg=dict(filter_empty_gt=False),  # an image without an instance is background
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        ann_file=f'{truth}/instances_val.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        ann_file=f'{truth}/instances_test.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=test_pipeline))
val_evaluator = dict(type='VOCInstanceMetric', ann_file=f'{truth}/instances_val.json')
test_evaluator = dict(type='VOCInstanceMetric', ann_file=f'{truth}/instances_test.json')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
