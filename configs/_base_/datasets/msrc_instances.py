"""Instances of MSRC-v2: trains on the pseudo instances of trainval (a COCO file, PSEUDO_INSTANCES), scores on test by
mAP^r. val, a part of trainval, watches. The truth, instances_val.json and instances_test.json in the folder MSRC_TRUTH,
is made of SegmentationObject by tools/make_instances.py; its instances are connected segments, so that objects that
touch are one."""
_base_ = './coco_files.py'
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
    num_workers=2,
    dataset=dict(
        # Without data_root: the file of pseudo instances is relative to where the command runs.
        ann_file='{{$PSEUDO_INSTANCES:work_dirs/pseudo_instances/msrc.json}}',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        ann_file=f'{truth}/instances_val.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=test_pipeline))
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        ann_file=f'{truth}/instances_test.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=test_pipeline))
val_evaluator = dict(type='VOCInstanceMetric', ann_file=f'{truth}/instances_val.json')
test_evaluator = dict(type='VOCInstanceMetric', ann_file=f'{truth}/instances_test.json')
