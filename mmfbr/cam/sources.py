"""What a config names that CAMs are made of: a network with its weights, and a list of images with their labels."""
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope

from mmfbr.engine.load import load_model
from mmfbr.files import InputError


def load_cam_model(config, checkpoint, num_classes):
    """The config's model with trained weights; InputError unless it has a CAM head of ``num_classes`` classes."""
    model = load_model(config, checkpoint)
    if not hasattr(model.decode_head, 'image_scores'):
        raise InputError(f'CAMs need a model with a CAMHead; this config has {type(model.decode_head).__name__}.')
    if model.decode_head.num_classes != num_classes:
        raise InputError(f'model.decode_head.num_classes is {model.decode_head.num_classes}, but the data set has '
                         f'{num_classes} classes.')
    return model


def image_label_dataset(config, image_list=None):
    """The training data set of a config for the images of ``image_list``, in order, without a pipeline."""
    init_default_scope(config.get('default_scope', 'mmseg'))
    settings = Config(dict(dataset=config.train_dataloader.dataset)).dataset.to_dict()
    while 'dataset' in settings:
        settings = settings['dataset']
    if settings.get('type') not in ('ImageLabelDataset', 'mmfbr.ImageLabelDataset'):
        raise InputError(f'The training data of this config is {settings.get("type")}; image-level labels need an '
                         'ImageLabelDataset.')
    if image_list is not None:
        settings.pop('background_only', None)  # more images than the list's
        settings['ann_file'] = str(Path(image_list).resolve()) if Path(image_list).exists() else str(image_list)
    # No worker reads it, so it is not packed for them, which would collect this process's garbage each time.
    return DATASETS.build({**settings, 'pipeline': [], 'test_mode': True, 'serialize_data': False})
