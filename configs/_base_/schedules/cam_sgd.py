"""SGD with poly decay as AffinityNet and IRN train their CAM networks: the new layers learn ten times as fast."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={
        'decode_head': dict(lr_mult=10.0),
        'phi_': dict(lr_mult=10.0)
    }))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=3305)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=3305, by_epoch=False)]
