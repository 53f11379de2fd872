"""What FBR does for the CAM network of MSRC-v2 whose first stages are frozen: the twin as it is shipped, its two parts
alone, one NROI an image, and no gallery; beside it the host that trains all stages. test is held out."""
config = '../cam/cam_mobilenetv2-os16-frozen5_msrc_fbr.py'
host = 'host'
seeds = [0, 1, 2, 3, 4]
_losses = 'model.decode_head.loss_decode.'
_no_contrast = {f'{_losses}1.{name}': 0.0 for name in ('w_fb', 'w_if', 'w_decouple', 'w_bg_seg')}
variants = dict(
    host=dict(config='../cam/cam_mobilenetv2-os16-frozen5_msrc.py'),
    fbr=dict(),
    contrast=dict(options={f'{_losses}2.loss_weight': 0.0}),
    maps=dict(options=_no_contrast),
    maps_k_1=dict(options={**_no_contrast, f'{_losses}2.num_clusters': 1}),
    no_gallery=dict(options={f'{_losses}2.gallery': None}),
    host_all=dict(config='../cam/cam_mobilenetv2-os16_msrc.py', iterations=102))
choose_on = 'ImageSets/trainval.txt'
hold_out = ['ImageSets/test.txt']
