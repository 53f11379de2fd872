"""Adam at a constant rate, as AMN is trained: new layers learn twenty times as fast."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=5e-6, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={
        'decode_head': dict(lr_mult=20.0),
        'phi_': dict(lr_mult=20.0)
    }))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=3305)
