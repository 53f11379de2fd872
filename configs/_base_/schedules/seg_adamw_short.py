"""AdamW with poly decay for small data sets on small machines: 240 iterations."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={
        'decode_head': dict(lr_mult=5.0),
        'phi_': dict(lr_mult=10.0)
    }))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=240, val_interval=120)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=240, by_epoch=False)]
