"""SGD with poly decay as IRN trains: three passes over VOC's train_aug in batches of 32; displacements learn ten times
as fast as boundaries."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={'decode_head.field': dict(lr_mult=10.0)}))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=990)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=990, by_epoch=False)]
