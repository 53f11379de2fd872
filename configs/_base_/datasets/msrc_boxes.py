"""MSRC-v2 with boxes as supervision, which say more than image-level labels: the boxes around the true instances of
trainval."""
_base_ = './msrc_instances.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', scale=(256, 208), ratio_range=(0.75, 1.25), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
train_dataloader = dict(
    dataset=dict(
        ann_file='{{$MSRC_TRUTH:data/msrc/annotations}}/instances_trainval.json',
        pipeline=train_pipeline))
