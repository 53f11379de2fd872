"""Writes the config of a prepared folder: a shipped one, flattened, with the folder's data set and schedule."""
from mmfbr.cli import shipped_configs
from mmfbr.files import InputError, voc_palette
from mmfbr.version import __version__

DATA_KEYS = tuple(f'{split}_{part}' for split in ('train', 'val', 'test')
                  for part in ('dataloader', 'evaluator', 'pipeline'))
MORE_DATA_KEYS = ('data_root', 'classes', 'palette', 'image_size', 'dataset', 'cam_cfg', 'val_cfg', 'test_cfg')
PASSES, LEAST_ITERS = 12, 200


def folder_config(root, classes, img_suffix, num_train, num_val, num_test, name):
    """The text of a config, whole in itself.

    Args:
        root (Path): the prepared folder, absolute.
        classes (Sequence[str]): with the background first.
        img_suffix (str): ending of the images.
        num_train, num_val, num_test (int): images of the lists; an empty one leaves its part of the config out.
        name (str): the shipped config to start from; training goes over the images 12 times, at least 200 iterations.
    """
    from mmengine.config import Config
    configs = shipped_configs()
    if name not in configs:
        raise InputError(f'No shipped config is called {name}. `mmfbr config` lists them.')
    shipped = Config.fromfile(configs[name], import_custom_modules=False)
    if shipped.get('train_dataloader', {}).get('dataset', {}).get('type') != 'ImageLabelDataset':
        raise InputError(f'The config {name} is not trained from image-level labels.')
    base = configs[name].parents[1] / '_base_' / 'datasets' / 'folder.py'
    data = Config.fromfile(base, import_custom_modules=False).to_dict()
    split = {part: data[f'{part}_dataloader']['dataset'] for part in ('train', 'val', 'test')}
    for dataset in split.values():
        dataset.update(data_root=str(root), img_suffix=img_suffix,
                       metainfo=dict(classes=tuple(classes), palette=[list(c) for c in voc_palette(len(classes))]))
    _without_empty_parts(data, num_val, num_test)
    kept = {key: value for key, value in shipped.to_dict().items() if key not in DATA_KEYS + MORE_DATA_KEYS}
    used = {key: data[key] for key in (*DATA_KEYS, *MORE_DATA_KEYS) if key in data and not _is_building_block(key)}
    config = Config({**kept, **used})
    heads = config.model.decode_head if isinstance(config.model.decode_head, list) else [config.model.decode_head]
    for head in heads:
        head.num_classes = len(classes)
    iters = max(LEAST_ITERS, -(-PASSES * num_train // config.train_dataloader.batch_size))
    _set_schedule(config, iters, bool(num_val))
    return (f'# {name} of mmfbr {__version__} for the images in {root},\n# written by prepare_data.py folder. '
            f'Edit it freely: it is kept when that tool runs again.\n{config.pretty_text.rstrip()}\n')


def _is_building_block(key):
    """True for what a data set config only uses to make its data loaders from: flattened, it has no effect."""
    return key.endswith('_pipeline') or key in ('data_root', 'classes', 'palette', 'image_size', 'dataset')


def _without_empty_parts(data, num_val, num_test):
    if not num_test:  # no masks: the test is of the image-level labels alone
        data['test_dataloader'] = data['val_dataloader']
        data['test_evaluator'] = data['val_evaluator']
    for part, count in (('val', num_val), ('test', num_test or num_val)):
        if not count:
            for key in (f'{part}_dataloader', f'{part}_evaluator', f'{part}_cfg'):
                del data[key]


def _set_schedule(config, iters, validates):
    """Stretches the schedule, and FBR's warm-up with it, to ``iters`` iterations."""
    factor = iters / config.train_cfg.max_iters
    config.train_cfg.max_iters = iters
    if validates:
        config.train_cfg.val_interval = -(-iters // 4)
    else:
        config.train_cfg.pop('val_interval', None)
    for scheduler in config.param_scheduler:
        scheduler.begin, scheduler.end = round(scheduler.begin * factor), round(scheduler.end * factor)
    losses = config.model.decode_head.get('loss_decode', [])
    for loss in losses if isinstance(losses, list) else [losses]:
        if 'warmup_iters' in loss:
            loss.warmup_iters = round(loss.warmup_iters * factor)
