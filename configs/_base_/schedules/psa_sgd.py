"""SGD with poly decay as SEAM trains AffinityNet: eight passes over VOC's train_aug in batches of 8; the new layers
learn ten times as fast."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=10576)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=10576, by_epoch=False)]
