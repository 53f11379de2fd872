"""Second stage on MSRC-v2: trains on the pseudo masks of trainval, scores on test. val, a part of trainval, watches.
Pseudo masks are palette PNGs, ID.png, of class indices (0 background, 255 ignored) in the folder PSEUDO_MASKS. Images
may be smaller than a crop: give model.data_preprocessor size=(256, 256) and seg_pad_val=255."""
data_root = '{{$MSRC_ROOT:data/msrc}}'
classes = ('background', 'cow', 'sheep', 'aeroplane', 'face', 'car', 'bicycle', 'flower', 'sign', 'bird', 'book',
           'chair', 'cat', 'dog', 'body', 'boat')
palette = [[0, 0, 0], [0, 0, 128], [0, 128, 0], [192, 0, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128],
           [64, 128, 128], [192, 128, 128], [64, 64, 0], [192, 64, 0], [64, 192, 0], [192, 192, 0], [0, 64, 128],
           [128, 64, 0], [64, 0, 64]]
crop_size = (256, 256)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=16),
    dict(type='RandomResize', scale=(512, 256), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs')
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(512, 256), keep_ratio=True),
    dict(type='PackSegInputs')
]  # what mmseg.apis.inference_model reads
eval_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(512, 256), keep_ratio=True),
    dict(type='LoadCheckedAnnotations', num_classes=16),  # after Resize: scored at the image's own size
    dict(type='PackSegInputs')
]
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='BaseSegDataset',
        # Without data_root: the folder of pseudo masks is relative to where the command runs.
        data_prefix=dict(
            img_path=f'{data_root}/JPEGImages', seg_map_path='{{$PSEUDO_MASKS:work_dirs/pseudo_masks/msrc}}'),
        ann_file=f'{data_root}/ImageSets/trainval.txt',
        metainfo=dict(classes=classes, palette=palette),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='BaseSegDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/val.txt',
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=eval_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='BaseSegDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/test.txt',
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=eval_pipeline))
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
