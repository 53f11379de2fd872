"""msrc with a saliency map ID.png for each training image, as tools/make_saliency.py DIR writes them: in the
folder Saliency beside the images, or in another one, SALIENCY_MAPS."""
_base_ = './msrc.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedSaliency'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='{{$SALIENCY_MAPS:Saliency}}'), pipeline=train_pipeline))
