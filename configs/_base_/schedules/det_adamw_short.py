"""AdamW with poly decay for small data sets on small machines: 160 iterations. What starts from nothing takes large
steps, the pretrained backbone small ones."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.025))),
    clip_grad=dict(max_norm=10, norm_type=2))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=160, val_interval=160)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=20, end=160, by_epoch=False)
]
