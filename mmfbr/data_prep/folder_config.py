"""Writes the configs of a prepared folder: shipped ones, flattened, with the folder's data sets and schedules."""
from mmfbr.cli import shipped_configs
from mmfbr.files import InputError
from mmfbr.image_files import voc_palette
from mmfbr.version import __version__

DATA_KEYS = tuple(f'{split}_{part}' for split in ('train', 'val', 'test')
                  for part in ('dataloader', 'evaluator', 'pipeline'))
MORE_DATA_KEYS = ('eval_pipeline', 'data_root', 'classes', 'palette', 'image_size', 'crop_size', 'dataset', 'cam_cfg',
                  'val_cfg', 'test_cfg')
PASSES, LEAST_ITERS = 12, 200


def folder_configs(root, classes, img_suffix, counts, share, cam, seg):
    """Texts of two configs, each whole in itself: {'config.py': from image-level labels, 'seg_config.py': second
    stage}.

    Args:
        root (Path): the prepared folder, absolute.
        classes (Sequence[str]): with the background first.
        img_suffix (str): ending of the images.
        counts (dict[str, int]): images of the lists 'train', 'val' and 'test'; what needs an empty list is left out.
        share (float): of the training images that hold a class, mean over the classes; the head's prior if it has one.
        cam, seg (str): the shipped configs to start from; training goes over the images 12 times, at least 200
            iterations.
    """
    first = _Config(cam, 'folder', 'ImageLabelDataset', 'trained from image-level labels')
    first.set_data(root, classes, img_suffix)
    if not counts['test']:  # no masks: the test is of the image-level labels alone
        first.data['test_dataloader'] = first.data['val_dataloader']
        first.data['test_evaluator'] = first.data['val_evaluator']
    first.leave_out('val', not counts['val'])
    first.leave_out('test', not (counts['test'] or counts['val']))
    second = _Config(seg, 'folder_seg', 'BaseSegDataset', 'a second stage of a data set without names of its own')
    second.set_data(root, classes, img_suffix)
    for part in ('val', 'test'):
        second.leave_out(part, not counts['test'])
    return {
        'config.py': first.text(root, classes, counts['train'], share),
        'seg_config.py': second.text(root, classes, counts['train'], share)
    }


class _Config:
    """A shipped config and the data part that takes the place of its own."""

    def __init__(self, name, base, dataset, what):
        from mmengine.config import Config
        configs = shipped_configs()
        if name not in configs:
            raise InputError(f'No shipped config is called {name}. `mmfbr config` lists them.')
        self.name, self.shipped = name, Config.fromfile(configs[name], import_custom_modules=False)
        if self.shipped.get('train_dataloader', {}).get('dataset', {}).get('type') != dataset:
            raise InputError(f'The config {name} is not {what}.')
        path = configs[name].parents[1] / '_base_' / 'datasets' / f'{base}.py'
        self.data = Config.fromfile(path, import_custom_modules=False).to_dict()

    def set_data(self, root, classes, img_suffix):
        palette = [list(colour) for colour in voc_palette(len(classes))]
        for part in ('train', 'val', 'test'):
            dataset = self.data[f'{part}_dataloader']['dataset']
            dataset.update(data_root=str(root), img_suffix=img_suffix,
                           metainfo=dict(classes=tuple(classes), palette=palette))
            for transform in dataset['pipeline']:
                if transform['type'] == 'LoadCheckedAnnotations':
                    transform['num_classes'] = len(classes)

    def leave_out(self, part, empty):
        for key in (f'{part}_dataloader', f'{part}_evaluator', f'{part}_cfg') if empty else ():
            del self.data[key]

    def text(self, root, classes, num_train, share):
        from mmengine.config import Config
        kept = {key: value for key, value in self.shipped.to_dict().items() if key not in DATA_KEYS + MORE_DATA_KEYS}
        used = {key: self.data[key] for key in (*DATA_KEYS, *MORE_DATA_KEYS)
                if key in self.data and not _is_building_block(key)}
        config = Config({**kept, **used})
        heads = config.model.decode_head if isinstance(config.model.decode_head, list) else [config.model.decode_head]
        for head in heads:
            head.num_classes = len(classes)
            if head.get('prior') is not None:
                head.prior = round(min(max(share, 0.001), 0.5), 3)
        iters = max(LEAST_ITERS, -(-PASSES * num_train // config.train_dataloader.batch_size))
        _set_schedule(config, iters, 'val_dataloader' in self.data)
        return (f'# {self.name} of mmfbr {__version__} for the images in {root},\n# written by prepare_data.py folder. '
                f'Edit it freely: it is kept when that tool runs again.\n{config.pretty_text.rstrip()}\n')


def _is_building_block(key):
    """True for what a data set config only uses to make its data loaders from: flattened, it has no effect."""
    blocks = ('data_root', 'classes', 'palette', 'image_size', 'crop_size', 'dataset')
    return key in blocks or (key.endswith('_pipeline') and key != 'test_pipeline')


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
