"""AdamW with poly decay. The last features of MobileNetV2 are small (0.2), so its classifier, which starts from
nothing, needs large steps."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={
        'decode_head': dict(lr_mult=100.0),
        'phi_': dict(lr_mult=10.0)
    }))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=204)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=204, by_epoch=False)]
