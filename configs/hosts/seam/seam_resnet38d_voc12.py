"""SEAM (Wang et al., CVPR 2020) on PASCAL VOC 2012: ResNet-38, views of 448 and 134 pixels, eight passes in batches of
8, all GPUs together. Plain SGD: see docs/hosts/seam.md."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/voc12_crop448.py',
    '../../_base_/models/cam_resnet38d-os8.py', '../../_base_/schedules/cam_sgd.py'
]
model = dict(
    type='TwoViewCAMSegmentor',
    view_scale=0.3,
    data_preprocessor=dict(size=(448, 448), size_divisor=None),
    backbone=dict(out_indices=(2, 3, 5)),
    decode_head=dict(
        type='ViewCAMHead',
        in_index=2,
        dropout=0.5,
        pcm=dict(in_channels=(512, 1024), in_index=(0, 1)),
        loss_decode=[dict(type='MultiLabelSoftMarginLoss'),
                     dict(type='EquivarianceLoss')]))
optim_wrapper = dict(optimizer=dict(lr=0.01, momentum=0.0, weight_decay=5e-4))
train_cfg = dict(max_iters=10576)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=10576, by_epoch=False)]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
