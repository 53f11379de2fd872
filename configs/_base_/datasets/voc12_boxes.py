"""PASCAL VOC 2012 with boxes as supervision, which say more than image-level labels: VOC's XML boxes of train_aug."""
_base_ = './voc12_instances.py'
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
        ann_file='{{$VOC_ROOT:data/VOCdevkit/VOC2012}}/annotations/boxes_voc12_train_aug.json',
        pipeline=train_pipeline))
