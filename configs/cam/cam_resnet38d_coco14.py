"""CAM on MS COCO 2014 from image-level labels: ResNet-38 at stride 8, five passes in batches of 16."""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/datasets/coco14.py', '../_base_/models/cam_resnet38d-os8.py',
    '../_base_/schedules/cam_sgd.py'
]
model = dict(data_preprocessor=dict(size=(512, 512), size_divisor=None), decode_head=dict(num_classes=81))
optim_wrapper = dict(optimizer=dict(lr=0.01, weight_decay=5e-4))
train_cfg = dict(max_iters=25870)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=25870, by_epoch=False)]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
