"""From a trained model and a list of images to pseudo masks and CAM files, resumable."""
import json
import os
from dataclasses import asdict
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_dist_info, is_distributed
from mmengine.registry import DATASETS, init_default_scope

from mmfbr.engine.load import load_model
from mmfbr.evaluation import mask_from_cam
from mmfbr.files import InputError, existing, read_cam, read_image, read_json, write_cam, write_json, write_mask

from .inference import CamSettings, image_cam


def make_pseudo_masks(config, checkpoint, out, image_list=None, threshold=0.3, cam_dir=None, use_labels=True,
                      settings=None, progress=iter):
    """Writes a palette mask ``out/ID.png`` for each image of a list, and its CAM file ``cam_dir/ID.npz`` when asked.

    A mask or CAM file that is there already is kept if it was made with the same model and settings; made with others,
    it is an error. Under several processes each does its share of the list.

    Args:
        config (Config): its training data set names the images' folder, labels and classes.
        checkpoint (str | Path): the trained weights.
        out (str | Path | None): folder of the masks; None writes CAM files only.
        image_list (str | Path | None): list of image ids, as given or relative to the data root; None: the training
            list.
        threshold (float): a pixel whose best CAM value is not above it is background.
        cam_dir (str | Path | None): folder of the CAM files.
        use_labels (bool): restrict the classes to the image-level labels; else to those the network claims.
        settings (CamSettings | None): None: the config's ``cam_cfg``.
        progress (callable): wraps the list, place for a progress bar.

    Returns:
        tuple[int, int]: images done now, and images whose files were there.
    """
    if not out and not cam_dir:
        raise InputError('There is nothing to write: give a folder for masks, for CAM files, or for both.')
    settings = settings or CamSettings(**config.get('cam_cfg', {}))
    dataset = image_label_dataset(config, image_list)
    version = existing(checkpoint, 'The checkpoint').stat().st_mtime_ns
    made_by = dict(checkpoint=[str(Path(checkpoint).resolve()), version], labels=use_labels, **asdict(settings))
    for folder, suffix, own in ((out, 'png', dict(threshold=threshold)), (cam_dir, 'npz', {})):
        if folder:
            _claim(Path(folder), suffix, {**made_by, **own})
    classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']
    rank, world = _share()
    if world > 1 and torch.cuda.is_available():
        torch.cuda.set_device(rank % torch.cuda.device_count())
    items = [dataset.get_data_info(index) for index in range(rank, len(dataset), world)]
    model, done = None, 0
    for item in progress(items):
        image_id = os.path.relpath(item['img_path'], dataset.data_prefix['img_path']).removesuffix(dataset.img_suffix)
        mask_path = Path(out, f'{image_id}.png') if out else None
        cam_path = Path(cam_dir, f'{image_id}.npz') if cam_dir else None
        if all(path is None or path.exists() for path in (mask_path, cam_path)):
            continue
        if cam_path is not None and cam_path.exists():
            cam, present = read_cam(cam_path)
        else:
            model = model or load_cam_model(config, checkpoint, len(classes))
            labels = item['image_labels'] if use_labels else None
            cam, present = image_cam(model, read_image(item['img_path']), labels, settings)
            if cam_path is not None:
                write_cam(cam_path, cam, present)
            cam = cam.astype('float16').astype('float32')  # as a CAM file holds it, so that no mask depends on one
        if mask_path is not None:
            write_mask(mask_path, mask_from_cam(cam, present, threshold, dataset.bg_index), palette)
        done += 1
    return done, len(items) - done


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
        settings['ann_file'] = str(Path(image_list).resolve()) if Path(image_list).exists() else str(image_list)
    return DATASETS.build({**settings, 'pipeline': [], 'test_mode': True})


def _share():
    """(number of this process, number of processes), of an open group or else of torchrun's environment."""
    if is_distributed():
        return get_dist_info()
    return int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))


def _claim(folder, suffix, made_by):
    """Notes in ``folder`` what its files are made with; InputError when it holds files made with something else."""
    # Files first, note second: another process that shares the work writes them in the opposite order.
    holds_files = next(folder.rglob(f'*.{suffix}'), None) is not None
    note, made_by = folder / f'{suffix}_made_by.json', json.loads(json.dumps(made_by))
    found = read_json(note, 'The note') if note.exists() else None
    if found == made_by:
        return
    if holds_files and found is None:
        raise InputError(f'{folder} holds files that were not made here. Choose another folder.')
    if holds_files:
        differing = sorted(key for key in {*found, *made_by} if found.get(key) != made_by.get(key))
        raise InputError(f'{folder} holds files made with another {", ".join(differing)}. Choose another folder, or '
                         'delete this one.')
    write_json(note, made_by)
