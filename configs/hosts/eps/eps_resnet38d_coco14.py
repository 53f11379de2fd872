"""EPS (Lee et al., CVPR 2021) on MS COCO 2014 with saliency maps: ResNet-38, 256 500 iterations in batches of 16, all
GPUs together."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/coco14_saliency.py',
    '../../_base_/models/cam_resnet38d-os8.py', '../../_base_/schedules/cam_sgd.py'
]
model = dict(
    data_preprocessor=dict(size=(321, 321), size_divisor=None),
    decode_head=dict(
        type='ViewCAMHead',
        num_classes=81,
        background=True,
        loss_decode=[dict(type='MultiLabelSoftMarginLoss'),
                     dict(type='SaliencyLoss', lam=0.9)]))
optim_wrapper = dict(optimizer=dict(lr=0.01, momentum=0.0, weight_decay=5e-4))
train_cfg = dict(max_iters=256500)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=256500, by_epoch=False)]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
