"""msrc with a mask of confident labels for each training image, as tools/make_pseudo_masks.py --unsure-from writes
them: in the folder ConfidentLabels beside the images, or in another one, CONFIDENT_LABELS."""
_base_ = './msrc.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=16),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='{{$CONFIDENT_LABELS:ConfidentLabels}}'), pipeline=train_pipeline))
