"""Every reader of a file from outside, the good file it reads, and the ways to damage it."""
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import corpus
import good_files as good
import numpy as np
import official_archives as official
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mxnet_files import write_params

from mmfbr import files, image_files
from mmfbr.cam.work import check_claim
from mmfbr.data_prep import coco14, voc12, voc12_instances
from mmfbr.data_prep.checks import check_image, check_mask
from mmfbr.data_prep.folder import _classes
from mmfbr.data_prep.label_table import read_label_table
from mmfbr.data_prep.place import silent, workplace
from mmfbr.data_prep.sbd import class_mask, instance_masks
from mmfbr.data_prep.sources import Member, Source
from mmfbr.data_prep.split import read_split
from mmfbr.datasets import LoadCheckedAnnotations, LoadCheckedImage
from mmfbr.datasets.label_sources import read_labels
from mmfbr.demo.write import _claim
from mmfbr.engine.mxnet_params import read_params, resnet38d_state
from mmfbr.engine.preflight_instances import check_instances
from mmfbr.engine.run import check_settings, load_config
from mmfbr.evaluation import instance_files
from mmfbr.evaluation.score import image_ids
from mmfbr.instances import Components, PseudoInstances
from mmfbr.report import Run
from mmfbr.report.runs import _cams
from mmfbr.report.write import _truth
from mmfbr.safe_loading import load_state


@dataclass(frozen=True)
class Reader:
    """``good(folder)`` writes and returns a good file, ``read(path)`` reads it, ``variants`` damages its bytes."""
    good: Callable
    read: Callable
    variants: Callable = corpus.damaged


# Images and CAMs

def image(path):
    check_image(path.read_bytes(), str(path))
    assert image_files.read_image(path).shape[:2] == image_files.image_size(path)


def training_image(path):
    LoadCheckedImage().transform(dict(img_path=str(path)))


def mask(path):
    check_mask(path.read_bytes(), path, 7)
    image_files.check_mask_values(image_files.read_mask(path), path, 7)


def training_mask(path):
    LoadCheckedAnnotations(num_classes=7).transform(dict(
        seg_map_path=str(path), seg_fields=[], label_map=None, reduce_zero_label=False, ori_shape=official.SIZE[::-1]))


def cam(path):
    PseudoInstances(3, Components(), cams=path.parent)('a', (16, 24))


# Labels and lists

def labels(source, path):
    read_labels(source, path.parent if source == 'voc_xml' else path, ['a'])


def boxes(path):
    voc12._xml_classes(path)
    for _, box, _ in voc12_instances._boxes(path, voc12.CLASSES):
        assert np.isfinite(box).all()


def class_list(path):
    _classes(dict(a=['cow'], b=['boat']), path, 'labels.csv', None, [])


def image_list(path):
    image_ids(path.parent, path)


def split_list(path):
    read_split(dict(a=['cow'], b=[]), path)


# COCO's JSON

def predictions(path):
    truth = instance_files.read_truth(path.parent / 'truth.json')
    instance_files.score_instances(truth, instance_files.read_predictions(path, truth))


def training_file(path):
    init_default_scope('mmdet')
    classes = good.CLASSES[1:]
    dataset = dict(type='CocoDataset', ann_file=str(path), data_prefix=dict(img=str(path.parent)),
                   metainfo=dict(classes=classes), pipeline=[dict(type='LoadAnnotations', with_mask=True)])
    check_instances(Config(dict(model=dict())), lambda cfg, part: dataset, lambda dataset: classes)


def painted(path):
    images, _, instances = coco14._read_annotations(Source(path.parent, ''), path.name, silent)
    for stem, (_, width, height) in images.items():
        coco14.paint(instances.get(stem, ()), height, width)


# Archives and what is in them

def member(path):
    return Member(path.name, path.stat().st_size, str(path), path, partial(path.open, 'rb'))


def sbd(path):
    class_mask(member(path), path.parent / 'a.jpg', 21)


def sbd_instances(path):
    instance_masks(member(path), path.parent / 'a.jpg', 21)


def archived_list(path):
    member(path).names()


def archive(path):
    for found in Source(path, 'kit/data').members(lambda name: True):
        found.read()


# Weights

def params_file(folder):
    return write_params(Path(folder, 'a.params'), {'arg:conv1a_weight': np.ones((4, 3, 3, 3), np.float32),
                                                   'aux:bn7_moving_mean': np.ones(8, np.float32)})


def params(path):
    resnet38d_state(read_params(path), path)


# What a run leaves, and what the tools note

def note(path):
    check_claim(path.parent, 'png', dict(threshold=0.3, scales=[1.0]))


def report_note(path):
    run = Run('x', None, path.with_name('a.pth'), path.parent, path.parent)
    run.check()
    _cams(run.cams_made_by)


def log(path):
    Run('x', 'config.py', 'a.pth', path.parents[2], path.parents[2]).curves()


def left_config(path):
    Run('x', 'config.py', 'a.pth', path.parents[2], path.parents[2]).facts()


def usual_backgrounds(path):
    dataset = SimpleNamespace(data_root=path.parent, metainfo=dict(classes=good.CLASSES), bg_index=0)
    _truth(dataset, '.', 'none', 'none', path.name, 255)


def prepared(path):
    with workplace(path.parent, 'folder', ()):
        pass


def demo(path):
    _claim(path.parent, dict(size=64), False)


# Configs

def config(path):
    try:
        check_settings(load_config(path), path)
    except files.InputError as error:  # of one setting, which the message names, or of the file
        assert any(f'{part}.' in str(error) for part in ('model', 'dataset', 'metainfo', 'config')), error
        raise files.InputError(f'{path}: {error}') from error


MASK, JSON_LABELS = official.png(official.voc_mask('a')), '{"a": ["cow", "boat"], "b": []}'
XML, LIST = official.xml(['cow', 'boat']), 'a\nb\n'

READERS = dict(
    image=Reader(good.written('a.jpg', good.photo()), image, corpus.damaged_jpeg),
    image_png=Reader(good.written('a.png', official.png(official.voc_mask('a'), 'RGB')), image, corpus.damaged_png),
    training_image=Reader(good.written('a.jpg', good.photo()), training_image, corpus.damaged_jpeg),
    mask=Reader(good.written('a.png', MASK), mask, corpus.damaged_png),
    training_mask=Reader(good.written('a.png', MASK), training_mask, corpus.damaged_png),
    cam=Reader(good.cam_file, cam, corpus.damaged_cam),
    labels_json=Reader(good.written('a.json', JSON_LABELS), partial(labels, 'file'), corpus.damaged_json),
    labels_text=Reader(good.written('a.txt', 'a cow boat\nb\n'), partial(labels, 'file'), corpus.damaged_table),
    labels_xml=Reader(good.written('a.xml', XML), partial(labels, 'voc_xml'), corpus.damaged_xml),
    labels_coco=Reader(good.coco_file, partial(labels, 'coco'), corpus.damaged_json),
    table_json=Reader(good.written('a.json', JSON_LABELS), read_label_table, corpus.damaged_json),
    table_csv=Reader(good.written('a.csv', 'image,labels\na,cow;boat\nb,\n'), read_label_table, corpus.damaged_table),
    table_columns=Reader(good.written('a.csv', 'image,cow,boat\na,1,0\nb,1,1\n'), read_label_table,
                         corpus.damaged_table),
    class_list=Reader(good.written('c.txt', 'background\ncow\nboat\n'), class_list, corpus.damaged_table),
    image_list=Reader(good.written('a.txt', LIST), image_list, corpus.damaged_table),
    split_list=Reader(good.written('a.txt', 'a.jpg\nb\n'), split_list, corpus.damaged_table),
    truth=Reader(good.coco_file, instance_files.read_truth, corpus.damaged_json),
    predictions=Reader(good.predictions_file, predictions, corpus.damaged_json),
    results=Reader(good.results_file, predictions, corpus.damaged_json),
    training_file=Reader(good.coco_file, training_file, corpus.damaged_json),
    coco14=Reader(good.official_coco_file, painted, corpus.damaged_json),
    voc_boxes=Reader(good.written('a.xml', XML), boxes, corpus.damaged_xml),
    archived_list=Reader(good.written('val.txt', LIST), archived_list, corpus.damaged_table),
    sbd=Reader(good.sbd_file, sbd, corpus.damaged_mat),
    sbd_instances=Reader(good.sbd_instances_file, sbd_instances, corpus.damaged_mat),
    zip=Reader(good.zip_file, archive, corpus.damaged_zip),
    tar=Reader(good.tar_file, archive, partial(corpus.damaged_tar, packed=False)),
    tgz=Reader(good.tgz_file, archive, partial(corpus.damaged_tar, packed=True)),
    params=Reader(params_file, params, partial(corpus.damaged, flips=200)),
    checkpoint=Reader(good.checkpoint_file, load_state, corpus.damaged_checkpoint),
    legacy_checkpoint=Reader(good.legacy_checkpoint_file, load_state, partial(corpus.damaged, flips=300)),
    run_checkpoint=Reader(good.run_checkpoint_file, load_state, corpus.damaged_checkpoint),
    note=Reader(good.written('png_made_by.json', '{"threshold": 0.3, "scales": [1.0]}'), note, corpus.damaged_json),
    report_note=Reader(good.report_note_file, report_note, corpus.damaged_json),
    usual_backgrounds=Reader(good.written('usual.json', '{"a": true, "b": false}'), usual_backgrounds,
                             corpus.damaged_json),
    log=Reader(good.log_file, log),
    prepared=Reader(good.written('prepared.json', '{"data_set": "folder"}'), prepared, corpus.damaged_json),
    demo=Reader(good.written('demo.json', '{"size": 64}'), demo, corpus.damaged_json),
    config=Reader(good.config_file, config),
    config_left=Reader(good.left_config_file, left_config),
    config_values=Reader(good.config_values_file, config, corpus.damaged_json))
