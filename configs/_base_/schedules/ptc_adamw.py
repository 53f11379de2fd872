"""AdamW with warm-up and poly decay as ToCo trains: new layers learn ten times as fast, the places of the patches not
at all."""
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={
        'pos_embed': dict(lr_mult=0.0),
        'decode_head': dict(lr_mult=10.0),
        'phi_': dict(lr_mult=10.0)
    }))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=20000)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=1500, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=20000, by_epoch=False)
]
