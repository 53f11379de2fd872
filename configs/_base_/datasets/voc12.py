"""PASCAL VOC 2012, trained from the image-level labels of train_aug (10582 images). From tools/prepare_data.py voc12.
Images differ in size and are cropped: give model.data_preprocessor size=(512, 512) and no batch_scale."""
data_root = '{{$VOC_ROOT:data/VOCdevkit/VOC2012}}'
classes = ('background', 'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow',
           'diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')
palette = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [128, 0, 128], [0, 128, 128],
           [128, 128, 128], [64, 0, 0], [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128],
           [64, 128, 128], [192, 128, 128], [0, 64, 0], [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128]]
crop_size = (512, 512)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.5, 1.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackImageLabelInputs')
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='PackImageLabelInputs')
]  # what mmseg.apis.inference_model reads
eval_pipeline = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations', num_classes=21),
                 dict(type='PackImageLabelInputs')]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='ImageLabelDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages'),
        ann_file='ImageSets/Segmentation/train_aug.txt',
        labels=dict(source='file', path='image_labels.json'),
        metainfo=dict(classes=classes, palette=palette),
        pipeline=train_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ImageLabelDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/val.txt',
        labels=dict(source='file', path='image_labels.json'),
        metainfo=dict(classes=classes, palette=palette),
        test_mode=True,
        pipeline=eval_pipeline))
test_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='ImageLabelMetric')]
test_cfg = dict(type='TestLoop')
# Multi-scale inference of class activation maps: base size (None: the image's own), scales of it, flip.
cam_cfg = dict(size=None, scales=(0.5, 1.0, 1.5, 2.0), flip=True)
