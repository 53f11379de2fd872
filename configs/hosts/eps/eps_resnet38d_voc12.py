"""EPS (Lee et al., CVPR 2021) on PASCAL VOC 2012 with saliency maps: ResNet-38, 20 000 iterations in batches of 8, all
GPUs together. Plain SGD: see docs/hosts/eps.md."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/voc12_saliency.py',
    '../../_base_/models/cam_resnet38d-os8.py', '../../_base_/schedules/cam_sgd.py'
]
model = dict(
    data_preprocessor=dict(size=(448, 448), size_divisor=None),
    decode_head=dict(
        type='ViewCAMHead',
        background=True,
        loss_decode=[dict(type='MultiLabelSoftMarginLoss'),
                     dict(type='SaliencyLoss')]))
optim_wrapper = dict(optimizer=dict(lr=0.01, momentum=0.0, weight_decay=5e-4))
train_cfg = dict(max_iters=20000)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=20000, by_epoch=False)]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
