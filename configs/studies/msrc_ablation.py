"""FBR on MSRC-v2 with one thing changed at a time, on the CAM network with frozen first stages: `fbr` is the twin with
the paper's losses alone, from which the changes start, `maps` the twin with NROIMapLoss alone, `both` the twin as it is
shipped. Each is compared with the host; those of another host (pooling, schedule, images of background alone) with
theirs. Variants named ext_ are not the paper's. Everything is chosen on trainval: there is no held-out list."""
config = '../cam/cam_mobilenetv2-os16-frozen5_msrc_fbr.py'
host = 'host'
seeds = [0, 1, 2]
_host = '../cam/cam_mobilenetv2-os16-frozen5_msrc.py'
_losses = 'model.decode_head.loss_decode.'
_loss, _maps = f'{_losses}1.', f'{_losses}2.'
_sampler, _nroi = f'{_loss}sampler.', f'{_loss}nroi.'
_nothing = {f'{_loss}{name}': 0.0 for name in ('w_fb', 'w_if', 'w_decouple', 'w_bg_seg')}
_background = {'train_dataloader.dataset.background_only': 'ImageSets/background_only.txt'}
_tap = {'model.decode_head.pooling': 'tap'}
_fbr = {  # variants of `fbr`: what is changed
    'fbr': {},
    # Each loss alone, and left out.
    'only_fb': {**_nothing, f'{_loss}w_fb': 0.5},
    'only_if': {**_nothing, f'{_loss}w_if': 0.5},
    'only_decouple': {**_nothing, f'{_loss}w_decouple': 0.1},
    'only_bg_seg': {**_nothing, f'{_loss}w_bg_seg': 0.1},
    'no_fb': {f'{_loss}w_fb': 0.0},
    'no_if': {f'{_loss}w_if': 0.0},
    'no_decouple': {f'{_loss}w_decouple': 0.0},
    'no_bg_seg': {f'{_loss}w_bg_seg': 0.0},
    # Weight of both contrasts (0.5).
    'weights_0.1': {f'{_loss}w_fb': 0.1, f'{_loss}w_if': 0.1},
    'weights_1': {f'{_loss}w_fb': 1.0, f'{_loss}w_if': 1.0},
    # NROIs of an image (8), and pixels in their place.
    'k_1': {f'{_nroi}num_clusters': 1},
    'k_4': {f'{_nroi}num_clusters': 4},
    'k_16': {f'{_nroi}num_clusters': 16},
    'k_32': {f'{_nroi}num_clusters': 32},
    'pixels_8': {f'{_nroi}source': 'pixels'},
    'pixels_32': {f'{_nroi}source': 'pixels', f'{_nroi}num_clusters': 32},
    # Bank: a step pushes up to 128 NROIs, so the twin's 100 000 are never full; and what must be there first.
    'bank_512': {f'{_nroi}capacity': 512},
    'bank_2048': {f'{_nroi}capacity': 2048},
    'bank_warmup_4096': {f'{_nroi}warmup': 4096},
    # Pixels of an image (256) beside the queries (128).
    'max_pixels_16': {f'{_loss}max_pixels': 16},
    'max_pixels_32': {f'{_loss}max_pixels': 32},
    'all_pixels': {f'{_loss}max_pixels': None},
    # Temperature (0.5).
    'tau_0.1': {f'{_loss}tau': 0.1},
    'tau_0.2': {f'{_loss}tau': 0.2},
    'tau_1': {f'{_loss}tau': 1.0},
    # Queries (every foreground pixel, up to 8192 of them) and negatives (256).
    'unsure_queries': {f'{_sampler}rate': None, f'{_sampler}quantile': None},
    'queries_256': {f'{_sampler}max_queries': 256},
    'negatives_64': {f'{_sampler}num_negatives': 64},
    'negatives_1024': {f'{_sampler}num_negatives': 1024},
    'uniform_classes': {f'{_sampler}class_sampling': 'uniform'},
    # A prototype's pixels (H * W / 16).
    'prototype_4': {f'{_sampler}prototype_divisor': 4},
    'prototype_64': {f'{_sampler}prototype_divisor': 64},
    # Where FBR reads: after the first of the two stages that are trained.
    'reads_160': {'model.backbone.out_indices': (5, 6), 'model.neck.in_index': 0, 'model.neck.in_channels': 160},
    # The start of FBR (iteration 26 of 102).
    'start_0': {f'{_loss}warmup_iters': 0},
    'start_51': {f'{_loss}warmup_iters': 51},
    # Not the paper's.
    'ext_ramp_26': {f'{_loss}ramp_iters': 26},
    'ext_confidence': {f'{_loss}query_weight': 'confidence'},
    'ext_debias_0.1': {f'{_loss}debias': 0.1},
    'ext_hardness_1': {f'{_loss}hardness': 1.0},
    'ext_clusters_by_pixels': {f'{_nroi}pixels_per_cluster': 16, f'{_nroi}num_clusters': 16},
}
_alone, _no_gallery = {f'{_maps}loss_weight': 0.0}, {f'{_maps}gallery': None}
variants = {
    'host': dict(config=_host),
    'both': dict(),
    'maps': dict(options=_nothing),
    'maps_k_1': dict(options={**_nothing, f'{_maps}num_clusters': 1}),
    # NROIMapLoss without a gallery: each image alone.
    'both_no_gallery': dict(options=_no_gallery),
    'both_weak_no_gallery': dict(options={**_no_gallery, f'{_loss}w_fb': 0.05, f'{_loss}w_if': 0.1}),
    'maps_no_gallery': dict(options={**_nothing, **_no_gallery}),
    'maps_no_gallery_k_1': dict(options={**_nothing, **_no_gallery, f'{_maps}num_clusters': 1}),
    **{name: dict(options={**change, **_alone}) for name, change in _fbr.items()},
    # Other hosts, with and without FBR.
    'host_tap': dict(config=_host, options=_tap),
    'fbr_tap': dict(options={**_tap, **_alone}, against='host_tap'),
    'host_204': dict(config=_host, iterations=204),
    'fbr_204': dict(options=_alone, iterations=204, against='host_204'),
    'host_background': dict(config=_host, options=_background),
    'ext_background': dict(options={**_background, **_alone}, against='host_background'),
    'ext_maps_background': dict(options={**_background, **_nothing}, against='host_background'),
}
choose_on = 'ImageSets/trainval.txt'
