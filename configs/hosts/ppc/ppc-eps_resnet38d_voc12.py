"""PPC (Du et al., CVPR 2022) on EPS on PASCAL VOC 2012: the second view has 128 pixels. Its authors' network is EPS's
with the second view, the pixel correlation and the losses of SEAM."""
_base_ = '../eps/eps_resnet38d_voc12.py'
model = dict(
    type='TwoViewCAMSegmentor',
    view_scale=128 / 448,
    backbone=dict(out_indices=(2, 3, 5)),
    decode_head=dict(
        in_index=2,
        bg_score=0.1,
        pcm=dict(in_channels=(512, 1024), in_index=(0, 1)),
        loss_decode=[
            dict(type='MultiLabelSoftMarginLoss'),
            dict(type='EquivarianceLoss'),
            dict(type='SaliencyLoss'),
            dict(type='PrototypeContrastLoss', in_channels=4096, prototype_divisor=16, bg_score=0.1)
        ]))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedSaliency'),
    dict(type='RandomResize', scale=(768, 768), ratio_range=(448 / 768, 1.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
