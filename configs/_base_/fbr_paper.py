"""The values of the paper's released code, one `FBRLoss` for each kind of host. In a config of your own:

    _base_ = ['./HOST.py', 'PATH/TO/_base_/fbr_paper.py']
    model = dict(
        neck=dict(type='FBRNeck', in_channels=..., in_index=...),
        decode_head=dict(loss_decode=[..., {{_base_.fbr_paper_cam}}]))
"""
# PPC on SEAM or EPS, of a CAM host: rank 0.6 and quantile 0.1 of a query, prototypes of H * W / 16 pixels.
fbr_paper_cam = dict(
    type='FBRLoss',
    w_if=0.1,
    w_fb=0.01,
    w_decouple=0.1,
    w_bg_seg=0.1,
    tau=0.5,
    warmup_iters=0,
    max_pixels=None,
    nroi=dict(type='NROIBank', num_clusters=8, capacity=50_000),
    sampler=dict(type='ActiveSampler', num_negatives=256, rate=0.6, quantile=0.10, prototype_divisor=16))
# AMN, of a segmentation host: rank 0.4 and quantile 0.25, H * W / 32 pixels, no background segmentation.
fbr_paper_seg = dict(
    type='FBRLoss',
    w_if=0.1,
    w_fb=0.05,
    w_decouple=0.1,
    w_bg_seg=0.0,
    tau=0.5,
    warmup_iters=0,
    max_pixels=None,
    nroi=dict(type='NROIBank', num_clusters=8, capacity=100_000),
    sampler=dict(type='ActiveSampler', num_negatives=256, rate=0.4, quantile=0.25, prototype_divisor=32))
