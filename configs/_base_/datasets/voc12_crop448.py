"""voc12 as SEAM and PPC read it: longer side 448 to 768, crops of 448. Give model.data_preprocessor size=(448, 448)."""
_base_ = './voc12.py'
crop_size = (448, 448)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='RandomResize', scale=(768, 768), ratio_range=(448 / 768, 1.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
