"""What FBR does for the CAM network of MSRC-v2: the twin as it is shipped, and with the values of the method, at once
and from the twin's start. test is held out."""
config = '../cam/cam_mobilenetv2-os16_msrc_fbr.py'
host = 'host'
seeds = [0, 1, 2, 3, 4]
_loss = 'model.decode_head.loss_decode.1.'
_method = {
    f'{_loss}w_fb': 0.05,
    f'{_loss}w_if': 0.1,
    f'{_loss}sampler.rate': None,  # the method's for a CAM host
    f'{_loss}sampler.quantile': None
}
variants = dict(
    host=dict(config='../cam/cam_mobilenetv2-os16_msrc.py'),
    fbr=dict(),
    method=dict(options={
        **_method, f'{_loss}warmup_iters': 0
    }),
    method_late=dict(options=_method))
choose_on = 'ImageSets/trainval.txt'
hold_out = ['ImageSets/test.txt']
