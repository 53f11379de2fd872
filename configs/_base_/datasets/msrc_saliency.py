"""msrc with a saliency map Saliency/ID.png for each training image: tools/make_saliency.py DIR."""
_base_ = './msrc.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedSaliency'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(dataset=dict(data_prefix=dict(saliency_path='Saliency'), pipeline=train_pipeline))
