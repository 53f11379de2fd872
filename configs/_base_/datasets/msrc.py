"""MSRC-v2 in VOC layout: 15 classes of things; the only labels that training reads are image-level."""
data_root = '{{$MSRC_ROOT:data/msrc}}'
classes = ('background', 'cow', 'sheep', 'aeroplane', 'face', 'car', 'bicycle', 'flower', 'sign', 'bird', 'book',
           'chair', 'cat', 'dog', 'body', 'boat')
palette = [[0, 0, 0], [0, 0, 128], [0, 128, 0], [192, 0, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128],
           [64, 128, 128], [192, 128, 128], [64, 64, 0], [192, 64, 0], [64, 192, 0], [192, 192, 0], [0, 64, 128],
           [128, 64, 0], [64, 0, 64]]
image_size = (256, 256)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
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
    dict(type='LoadAnnotations'),
    dict(type='PackImageLabelInputs')
]
dataset = dict(
    type='ImageLabelDataset',
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages'),
    ann_file='ImageSets/trainval.txt',
    labels=dict(source='file', path='image_labels.json'),
    metainfo=dict(classes=classes, palette=palette))
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(**dataset, pipeline=train_pipeline))
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
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=eval_pipeline))
test_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='ImageLabelMetric')]
test_cfg = dict(type='TestLoop')
# Multi-scale inference of class activation maps: base size (None: the image's own), scales of it, flip.
cam_cfg = dict(size=image_size, scales=(1.0, ), flip=True)
