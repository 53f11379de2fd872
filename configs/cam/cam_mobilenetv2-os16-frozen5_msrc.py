"""cam_mobilenetv2-os16_msrc with all but the last two stages of MobileNetV2 as ImageNet left them, in half the
passes."""
_base_ = './cam_mobilenetv2-os16_msrc.py'
model = dict(backbone=dict(frozen_stages=5))
train_cfg = dict(max_iters=102)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=102, by_epoch=False)]
