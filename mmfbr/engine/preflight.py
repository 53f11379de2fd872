"""Finds what is wrong with a config before training starts."""
from mmfbr.files import InputError

from .load import check_fit, check_model_fit, load_state


def check_config(cfg):
    """Raises InputError for what would fail, or go wrong silently, in a training of ``cfg``.

    Checked: the files of pretrained backbones and of ``load_from`` exist, fit the network and hold no code; heads and
    training data agree on the number of classes. (mmengine logs a checkpoint without a matching key, or with tensors of
    another shape, and trains on from random weights.)
    """
    from mmengine.registry import MODELS, init_default_scope
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    model = cfg.get('model') or {}
    _check_classes(model, cfg)
    init = (model.get('backbone') or {}).get('init_cfg') or {}
    if isinstance(init, dict) and init.get('type') == 'Pretrained' and _is_local(init['checkpoint']):
        what = 'The pretrained weights (model.backbone.init_cfg.checkpoint)'
        state = load_state(init['checkpoint'], what)
        if init.get('prefix'):
            prefix = init['prefix'].rstrip('.') + '.'
            state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        check_fit(state, MODELS.build(model['backbone']).state_dict(), f'{what} {init["checkpoint"]}')
    start = cfg.get('load_from')
    if start and _is_local(start):
        check_model_fit(load_state(start, 'The checkpoint (load_from)'), MODELS.build(model),
                        f'The checkpoint (load_from) {start}')


def _is_local(path):
    return '://' not in path


def _check_classes(model, cfg):
    classes = _classes((cfg.get('train_dataloader') or {}).get('dataset') or {})
    heads = model.get('decode_head')
    for head in heads if isinstance(heads, (list, tuple)) else [heads or {}]:
        if classes and head.get('num_classes') not in (None, len(classes)):
            raise InputError(f'model.decode_head.num_classes is {head["num_classes"]}, but the training data has '
                             f'{len(classes)} classes (background included where there is one). Set num_classes to it.')


def _classes(dataset):
    while 'dataset' in dataset:  # wrappers such as RepeatDataset
        dataset = dataset['dataset']
    return (dataset.get('metainfo') or {}).get('classes')
