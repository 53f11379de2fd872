"""SGD in batches of 8 with two steps down, as mmdet trains its detectors: 12 passes over VOC's train_aug."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=35, norm_type=2))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=16000, val_interval=4000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, begin=0, end=1000, by_epoch=False),
    dict(type='MultiStepLR', gamma=0.1, milestones=[10600, 14600], begin=0, end=16000, by_epoch=False)
]
