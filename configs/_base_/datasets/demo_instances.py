"""Instances of the demo data: trains on the pseudo instances of trainval (a COCO file, PSEUDO_INSTANCES), scores on
test by mAP^r. val, a part of trainval, watches. The truth is in the data set's folder annotations."""
_base_ = './coco_files.py'
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
    num_workers=1,
    batch_sampler=None,  # all images are square
    dataset=dict(
        # Without data_root: the file of pseudo instances is relative to where the command runs.
        ann_file='{{$PSEUDO_INSTANCES:work_dirs/pseudo_instances/demo.json}}',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        ann_file=f'{data_root}/annotations/instances_val.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=test_pipeline))
test_dataloader = dict(
    num_workers=1,
    dataset=dict(
        ann_file=f'{data_root}/annotations/instances_test.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=test_pipeline))
val_evaluator = dict(type='VOCInstanceMetric', ann_file=f'{data_root}/annotations/instances_val.json')
test_evaluator = dict(type='VOCInstanceMetric', ann_file=f'{data_root}/annotations/instances_test.json')
