"""coco14 with a saliency map Saliency/ID.png for each training image; longer side 256 to 448, crops of 321, as EPS
reads it. Give model.data_preprocessor size=(321, 321)."""
_base_ = './coco14.py'
crop_size = (321, 321)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedSaliency'),
    dict(type='RandomResize', scale=(448, 448), ratio_range=(256 / 448, 1.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='{{$SALIENCY_MAPS:Saliency}}'), pipeline=train_pipeline))
