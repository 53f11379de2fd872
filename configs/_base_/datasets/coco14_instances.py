"""Instances of MS COCO 2014, mmdet's 80 classes: trains on the pseudo instances of train (a COCO file,
PSEUDO_INSTANCES), scores on val with pycocotools. Images as tools/prepare_data.py coco14 places them; the official
instances_train2014.json and instances_val2014.json are in the folder COCO14_TRUTH. To score on COCO's val2017, which
train2014 has no image of, set ann_file and data_prefix.img of test_dataloader.dataset and ann_file of
test_evaluator."""
_base_ = './coco_files.py'
data_root = '{{$COCO14_ROOT:data/coco14}}'
truth = '{{$COCO14_TRUTH:data/coco14/annotations}}'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='RandomChoiceResize',
        scales=[(1333, 480), (1333, 560), (1333, 640), (1333, 720), (1333, 800)],
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),  # by this name mmdet.apis finds it
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]
train_dataloader = dict(
    dataset=dict(
        # Without data_root: the file of pseudo instances is relative to where the command runs.
        ann_file='{{$PSEUDO_INSTANCES:work_dirs/pseudo_instances/coco14.json}}',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        ann_file=f'{truth}/instances_val2014.json',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', ann_file=f'{truth}/instances_val2014.json', metric=['segm'])
test_evaluator = val_evaluator
