"""FBR on MSRC-v2 with one thing changed at a time, each against the host; `fbr` is the shipped twin that the changes
start from. Everything is chosen on trainval: there is no held-out list to look at. Variants named ext_ are not the
paper's; those of another host (pooling, schedule, images of background alone) are compared with that host."""
config = '../cam/cam_mobilenetv2-os16_msrc_fbr.py'
host = 'host'
seeds = [0, 1, 2]
_host = '../cam/cam_mobilenetv2-os16_msrc.py'
_loss = 'model.decode_head.loss_decode.1.'
_sampler, _nroi = f'{_loss}sampler.', f'{_loss}nroi.'
_nothing = {f'{_loss}w_fb': 0.0, f'{_loss}w_if': 0.0, f'{_loss}w_decouple': 0.0, f'{_loss}w_bg_seg': 0.0}
_background = {'train_dataloader.dataset.background_only': 'ImageSets/background_only.txt'}
_tap = {'model.decode_head.pooling': 'tap'}
# Another map of the backbone for FBR beside the last one, which stays the classifier's. All are of stride 16.
_last = {'model.decode_head.in_index': 1, 'model.neck.in_index': 0}
variants = {
    'host': dict(config=_host),
    'fbr': dict(),
    # Each loss alone, and left out.
    'only_fb': dict(options={**_nothing, f'{_loss}w_fb': 0.5}),
    'only_if': dict(options={**_nothing, f'{_loss}w_if': 0.5}),
    'only_decouple': dict(options={**_nothing, f'{_loss}w_decouple': 0.1}),
    'only_bg_seg': dict(options={**_nothing, f'{_loss}w_bg_seg': 0.1}),
    'no_fb': dict(options={f'{_loss}w_fb': 0.0}),
    'no_if': dict(options={f'{_loss}w_if': 0.0}),
    'no_decouple': dict(options={f'{_loss}w_decouple': 0.0}),
    'no_bg_seg': dict(options={f'{_loss}w_bg_seg': 0.0}),
    # Weight of both contrasts (0.5).
    'weights_0.1': dict(options={f'{_loss}w_fb': 0.1, f'{_loss}w_if': 0.1}),
    'weights_1': dict(options={f'{_loss}w_fb': 1.0, f'{_loss}w_if': 1.0}),
    # NROIs of an image (8), and pixels in their place.
    'k_1': dict(options={f'{_nroi}num_clusters': 1}),
    'k_4': dict(options={f'{_nroi}num_clusters': 4}),
    'k_16': dict(options={f'{_nroi}num_clusters': 16}),
    'k_32': dict(options={f'{_nroi}num_clusters': 32}),
    'pixels_8': dict(options={f'{_nroi}source': 'pixels'}),
    'pixels_32': dict(options={f'{_nroi}source': 'pixels', f'{_nroi}num_clusters': 32}),
    # Bank: a step pushes up to 128 NROIs, so the twin's 100 000 are never full; and what must be there first.
    'bank_512': dict(options={f'{_nroi}capacity': 512}),
    'bank_2048': dict(options={f'{_nroi}capacity': 2048}),
    'bank_8192': dict(options={f'{_nroi}capacity': 8192}),
    'bank_warmup_4096': dict(options={f'{_nroi}warmup': 4096}),
    # Temperature (0.5).
    'tau_0.1': dict(options={f'{_loss}tau': 0.1}),
    'tau_0.2': dict(options={f'{_loss}tau': 0.2}),
    'tau_1': dict(options={f'{_loss}tau': 1.0}),
    # Queries (every foreground pixel, up to 8192 of them) and negatives (256).
    'unsure_queries': dict(options={f'{_sampler}rate': None, f'{_sampler}quantile': None}),
    'queries_256': dict(options={f'{_sampler}max_queries': 256}),
    'queries_1024': dict(options={f'{_sampler}max_queries': 1024}),
    'negatives_64': dict(options={f'{_sampler}num_negatives': 64}),
    'negatives_1024': dict(options={f'{_sampler}num_negatives': 1024}),
    'uniform_classes': dict(options={f'{_sampler}class_sampling': 'uniform'}),
    # A prototype's pixels (H * W / 16).
    'prototype_4': dict(options={f'{_sampler}prototype_divisor': 4}),
    'prototype_64': dict(options={f'{_sampler}prototype_divisor': 64}),
    # Where FBR reads: before the last block.
    'reads_96': dict(options={**_last, 'model.backbone.out_indices': (4, 6), 'model.neck.in_channels': 96}),
    'reads_160': dict(options={**_last, 'model.backbone.out_indices': (5, 6), 'model.neck.in_channels': 160}),
    # The start of FBR (iteration 51 of 204).
    'start_0': dict(options={f'{_loss}warmup_iters': 0}),
    'start_102': dict(options={f'{_loss}warmup_iters': 102}),
    # Other hosts, with and without FBR.
    'host_tap': dict(config=_host, options=_tap),
    'fbr_tap': dict(options=_tap, against='host_tap'),
    'host_408': dict(config=_host, iterations=408),
    'fbr_408': dict(iterations=408, against='host_408'),
    # Not the paper's.
    'ext_ramp_51': dict(options={f'{_loss}ramp_iters': 51}),
    'ext_confidence': dict(options={f'{_loss}query_weight': 'confidence'}),
    'ext_debias_0.1': dict(options={f'{_loss}debias': 0.1}),
    'ext_hardness_1': dict(options={f'{_loss}hardness': 1.0}),
    'ext_clusters_by_pixels': dict(options={f'{_nroi}pixels_per_cluster': 16, f'{_nroi}num_clusters': 16}),
    'host_background': dict(config=_host, options=_background),
    'ext_background': dict(options=_background, against='host_background'),
}
choose_on = 'ImageSets/trainval.txt'
