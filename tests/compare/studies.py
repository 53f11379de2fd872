"""A study that trains in seconds, on the demo data set."""
import json

LOSS = 'model.decode_head.loss_decode.1.'
SMALL = {'train_dataloader.batch_size': 4, 'train_dataloader.num_workers': 1, 'default_hooks.checkpoint.interval': 2,
         'default_hooks.logger.interval': 1, 'model.backbone.base_channels': 8, 'model.backbone.stem_channels': 8,
         'model.decode_head.in_channels': 64, 'val_dataloader': None, 'val_evaluator': None, 'val_cfg': None,
         'train_cfg.val_interval': 100}
SMALL_FBR = {'model.neck.in_channels': 64, f'{LOSS}nroi.capacity': 200, f'{LOSS}warmup_iters': 1}


def write_study(folder, **changes):
    """Writes a study of host and FBR, with changes, and returns its path."""
    content = dict(
        config='cam_resnet18_demo_fbr', host='host', seeds=[0, 1], iterations=6, options=SMALL,
        choose_on='ImageSets/trainval.txt', hold_out=['ImageSets/test.txt'], thresholds=[0.1, 0.2, 0.3, 0.5, 0.7],
        variants=dict(host=dict(config='cam_resnet18_demo'), fbr=dict(options=SMALL_FBR)))
    path = folder / 'study.json'
    path.write_text(json.dumps({**content, **changes}))
    return path
