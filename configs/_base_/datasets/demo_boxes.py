"""The demo data with boxes as supervision, which say more than image-level labels: the boxes around the true instances
of trainval."""
_base_ = './demo_instances.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', scale=(128, 128), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
train_dataloader = dict(
    dataset=dict(
        ann_file='{{$DEMO_ROOT:data/demo}}/annotations/instances_trainval.json',
        pipeline=train_pipeline))
