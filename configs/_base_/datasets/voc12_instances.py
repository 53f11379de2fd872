"""Instances of PASCAL VOC 2012: trains on the pseudo instances of train_aug (a COCO file, PSEUDO_INSTANCES), scores on
val by mAP^r. The truth comes from tools/prepare_data.py voc12; VOC_TRUTH names another file, say that of SBD's val
(instances_sbd_val.json; part of its images are in train_aug)."""
_base_ = './coco_files.py'
data_root = '{{$VOC_ROOT:data/VOCdevkit/VOC2012}}'
truth = f'{data_root}/annotations/' + '{{$VOC_TRUTH:instances_voc12_val.json}}'
classes = ('aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog',
           'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')
palette = [[128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [128, 0, 128], [0, 128, 128], [128, 128, 128],
           [64, 0, 0], [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128], [64, 128, 128],
           [192, 128, 128], [0, 64, 0], [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128]]
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
        ann_file='{{$PSEUDO_INSTANCES:work_dirs/pseudo_instances/voc12.json}}',
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        ann_file=truth,
        data_prefix=dict(img=f'{data_root}/JPEGImages'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='VOCInstanceMetric', ann_file=truth)
test_evaluator = val_evaluator
