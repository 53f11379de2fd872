"""voc12 with a saliency map Saliency/ID.png for each training image; longer side 256 to 512, crops of 448, as EPS reads
it. Give model.data_preprocessor size=(448, 448)."""
_base_ = './voc12.py'
crop_size = (448, 448)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedSaliency'),
    dict(type='RandomResize', scale=(512, 512), ratio_range=(0.5, 1.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(
    batch_size=8, dataset=dict(data_prefix=dict(saliency_path='{{$SALIENCY_MAPS:Saliency}}'), pipeline=train_pipeline))
