"""MS COCO 2014 with boxes as supervision, which say more than image-level labels: the official boxes of train."""
_base_ = './coco14_instances.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='RandomChoiceResize',
        scales=[(1333, 480), (1333, 560), (1333, 640), (1333, 720), (1333, 800)],
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
train_dataloader = dict(
    dataset=dict(
        ann_file='{{$COCO14_TRUTH:data/coco14/annotations}}/instances_train2014.json',
        pipeline=train_pipeline))
