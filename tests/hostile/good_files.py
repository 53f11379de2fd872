"""A small good file of each kind that this package reads: ``kind(folder)`` writes it, and what belongs to it."""
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import official_archives as official
import torch
from mmengine.logging import MessageHub
from PIL import Image

from mmfbr.files import write_json
from mmfbr.image_files import write_cam

CLASSES = ('background', 'cow', 'boat')


def written(name, content):
    def good(folder):
        path = Path(folder, name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return good


def photo():
    """A JPEG with EXIF, on its side."""
    exif, stream = Image.Exif(), io.BytesIO()
    exif.update({0x0112: 6, 0x010F: 'maker', 0x011A: 72.0})
    Image.open(io.BytesIO(official.jpeg())).save(stream, 'JPEG', exif=exif)
    return stream.getvalue()


def cam_file(folder):
    path = Path(folder, 'a.npz')
    write_cam(path, np.linspace(0, 1, 2 * 16 * 24).reshape(2, 16, 24), [1, 2])
    return path


# COCO's JSON

def coco_file(folder, scores=False):
    runs = official.runs(np.pad(np.ones((8, 8), np.uint8), ((2, 6), (2, 14))), compressed=True)
    polygon = [[3.0, 3.0, 12.0, 3.0, 12.0, 10.0]]
    entries = [dict(id=1, image_id=7, category_id=3, segmentation=runs, bbox=[2, 2, 7, 7], area=49, iscrowd=0),
               dict(id=2, image_id=7, category_id=4, segmentation=polygon, bbox=[3, 3, 9, 7], area=30.5, iscrowd=0),
               dict(id=3, image_id=8, category_id=4, segmentation=dict(size=[16, 24], counts=[100, 50, 234]),
                    bbox=[6, 0, 5, 16], area=50, iscrowd=1)]
    if scores:
        entries = [dict(entry, score=0.5) for entry in entries]
    path = Path(folder, 'coco.json')
    write_json(path, dict(images=[dict(id=7, file_name='a.jpg', height=16, width=24),
                                  dict(id=8, file_name='b.jpg', height=16, width=24)],
                          categories=[dict(id=3, name='cow'), dict(id=4, name='boat')], annotations=entries))
    for name in 'ab':
        Path(folder, f'{name}.jpg').write_bytes(official.jpeg())
    return path


def predictions_file(folder):
    coco_file(folder).rename(Path(folder, 'truth.json'))
    return coco_file(folder, scores=True)


def results_file(folder):
    path = predictions_file(folder)
    write_json(path, json.loads(path.read_text())['annotations'])
    return path


def official_coco_file(folder):
    path = coco_file(folder)
    return path.rename(path.with_name('instances_train2014.json'))


# The archives and what is in them

def sbd_file(folder):
    Path(folder, 'a.jpg').write_bytes(official.jpeg())
    return written('a.mat', official.mat(official.sbd_mask('a')))(folder)


def sbd_instances_file(folder):
    Path(folder, 'a.jpg').write_bytes(official.jpeg())
    objects = official.voc_objects('a')
    return written('a.mat', official.instance_mat(np.where(objects == 255, 0, objects), [1, 20]))(folder)


ARCHIVED = {f'kit/data/{name}.txt': b'x' * 3000 for name in 'xy'}


def zip_file(folder):
    path = Path(folder, 'kit.zip')
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in ARCHIVED.items():
            archive.writestr(name, data)
    return path


def tar_file(folder, name='kit.tar', mode='w'):
    path = Path(folder, name)
    with tarfile.open(path, mode) as archive:
        for name, data in ARCHIVED.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def tgz_file(folder):
    return tar_file(folder, 'kit.tar.gz', 'w:gz')


# Weights

def checkpoint_file(folder, zipped=True):
    path = Path(folder, 'a.pth')
    state = dict(w=torch.ones(40, 3), b=torch.ones(4).half())
    torch.save(dict(meta=dict(iter=3, text='x' * 50), state_dict=state), path, _use_new_zipfile_serialization=zipped)
    return path


def legacy_checkpoint_file(folder):
    return checkpoint_file(folder, zipped=False)


def run_checkpoint_file(folder):
    """As mmengine leaves it: with the log's history and numpy's numbers."""
    hub, path = MessageHub.get_instance('hostile'), Path(folder, 'a.pth')
    hub.update_scalar('train/loss', 0.5)
    hub.update_info('best_ckpt', 'best_mIoU.pth')
    torch.save(dict(state_dict=dict(w=torch.ones(3)), message_hub=hub.state_dict(), best=np.float64(1)), path)
    return path


# What a run leaves

def report_note_file(folder):
    checkpoint, path = Path(folder, 'a.pth'), Path(folder, 'npz_made_by.json')
    checkpoint.write_bytes(b'')
    write_json(path, dict(checkpoint=[str(checkpoint), checkpoint.stat().st_mtime_ns], scales=[1.0], flip=True,
                          labels=True))
    return path


def log_file(folder):
    path = Path(folder, 'date', 'vis_data', 'scalars.json')
    path.parent.mkdir(parents=True)
    path.write_text(''.join(f'{{"lr": 0.01, "loss": {1 / step}, "step": {step}, "memory": 7}}\n'
                            for step in (1, 2, 3)))
    path.with_name('config.py').write_text('randomness = dict(seed=0)\n')
    return path


def left_config_file(folder):
    return log_file(folder).with_name('config.py')


# Configs

BASE = """
model = dict(type='EncoderDecoder', data_preprocessor=dict(type='SegDataPreProcessor'),
             backbone=dict(type='MobileNetV2'), decode_head=dict(type='FCNHead', in_channels=320, channels=8))
train_dataloader = dict(batch_size=2, dataset=dict(type='BaseSegDataset', ann_file=''))
"""
CONFIG = """
_base_ = 'base.py'
custom_imports = dict(imports=['mmfbr'])
model = dict(data_preprocessor=dict(size=(64, 64)), decode_head=dict(num_classes=3))
train_dataloader = dict(dataset=dict(metainfo=dict(classes=('background', 'cow', 'boat'))))
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
"""


def config_file(folder):
    Path(folder, 'base.py').write_text(BASE)
    return written('config.py', CONFIG)(folder)


def config_values_file(folder):
    """A config as JSON, with FBR and a data set that is there."""
    root, path = Path(folder, 'data'), Path(folder, 'config.json')
    root.mkdir()
    (root / 'list.txt').write_text('a\n')
    (root / 'a.jpg').write_bytes(official.jpeg())
    (root / 'a.png').write_bytes(official.png(official.voc_mask('a')))
    losses = [dict(type='CrossEntropyLoss', loss_name='loss_ce'), dict(type='FBRLoss', loss_name='loss_fbr')]
    dataset = dict(type='BaseSegDataset', data_root=str(root), ann_file='list.txt',
                   metainfo=dict(classes=list(CLASSES)), data_prefix=dict(img_path='', seg_map_path=''),
                   pipeline=[dict(type='LoadImageFromFile')])
    write_json(path, dict(
        default_scope='mmseg', custom_imports=dict(imports=['mmfbr']), work_dir='work',
        model=dict(type='EncoderDecoder', data_preprocessor=dict(type='SegDataPreProcessor', size=[64, 64]),
                   backbone=dict(type='MobileNetV2', out_indices=[6]),
                   decode_head=dict(type='FCNHead', in_channels=320, channels=8, num_classes=3, loss_decode=losses),
                   neck=dict(type='FBRNeck', in_channels=320, in_index=0)),
        train_dataloader=dict(batch_size=2, dataset=dataset), val_dataloader=dict(batch_size=1, dataset=dataset),
        val_evaluator=dict(type='IoUMetric', iou_metrics=['mIoU']), randomness=dict(seed=0)))
    return path
