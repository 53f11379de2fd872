"""coco14 with a mask of confident labels for each training image, as tools/make_pseudo_masks.py --unsure-from writes
them: in the folder ConfidentLabels beside the images, or in another one, CONFIDENT_LABELS. Give
model.data_preprocessor size=(512, 512)."""
_base_ = './coco14.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=81),
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=(512, 512)),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='{{$CONFIDENT_LABELS:ConfidentLabels}}'), pipeline=train_pipeline))
