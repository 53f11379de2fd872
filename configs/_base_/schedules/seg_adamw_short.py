"""AdamW with poly decay for small data sets on small machines: 120 iterations. The head, which starts from nothing,
needs large steps to learn every class in so few; the pretrained backbone, whose batch statistics are frozen, small
ones."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-5, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={
        'decode_head': dict(lr_mult=400.0),
        'phi_': dict(lr_mult=40.0)
    }))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=120, val_interval=60)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=120, by_epoch=False)]
