"""`write_report`: from two trained runs to one HTML page and its numbers."""
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmfbr.cam import CamSettings
from mmfbr.cam.sources import image_label_dataset, load_cam_model
from mmfbr.evaluation import stuff_columns
from mmfbr.files import InputError, clear_parts, existing, read_lines, read_object, write_json, write_text

from .cases import choose_images, read_case
from .comparison import THRESHOLDS, Comparison, Truth, measure
from .facts import environment
from .page import page
from .pixels import image_cells


@dataclass(frozen=True, eq=False)
class Report:
    """What ``write_report`` did: the ``path`` of the page, and the ``numbers`` on it, a ``Comparison``."""
    path: Path
    numbers: Comparison

    @property
    def table(self):
        """The numbers as plain text."""
        return self.numbers.text()


def write_report(path, host, fbr, choose_list, score_list, images=8, mask_dir='SegmentationClass',
                 all_dir='SegmentationAll', all_classes='classes_all.txt', usual='co_occurrence.json',
                 thresholds=THRESHOLDS, ignore_index=255, json_path=None, commands=(), options=None,
                 title='A CAM network with and without FBR', progress=iter):
    """Compares two runs on one self-contained HTML page.

    Images, labels and classes are those of the FBR run's training data; masks are read for evaluation only.

    Args:
        path (str | Path): the page, written whole or not at all.
        host, fbr (Run): trained without and with FBR on the same data, with CAM files for both lists.
        choose_list, score_list (str | Path): image lists, as given or relative to the data root. On the first the
            background threshold of each run is chosen by mean IoU, on the second everything is measured.
        images (int): how many of the second list are shown.
        mask_dir, all_dir, all_classes, usual (str | Path): relative to the data root: true masks; masks of things and
            stuff, and the names of their values; JSON {id: whether its things are before their usual background}. What
            needs one of the last three is left out where it is missing.
        thresholds (Sequence[float]): ascending, tried on the first list.
        ignore_index (int): value of pixels in true masks that are not counted.
        json_path (str | Path | None): also writes the numbers there.
        commands (Sequence[str]): command lines to name on the page.
        options (dict | None): settings merged into both configs.
        title (str): heading of the page.
        progress (callable): wraps lists of images, place for a progress bar.

    Returns:
        Report: the path and the numbers.

    Raises:
        InputError: when a file is missing or does not fit, with its name and the remedy.
    """
    if images < 0:
        raise InputError(f'The number of images to show is {images}; it must be 0 or more.')
    clear_parts(output for output in (path, json_path) if output is not None)
    runs = host, fbr
    for run in runs:
        run.check()
    curves = [run.curves() for run in runs]
    configs = [run.load_config(options) for run in runs]
    choosing, scoring = (image_label_dataset(configs[1], image_list) for image_list in (choose_list, score_list))
    classes = list(scoring.metainfo['classes'])
    if _classes(configs[0]) != classes:
        raise InputError(f'The classes of {host.name!r} are {_classes(configs[0])}, those of {fbr.name!r} {classes}. '
                         'Compare runs on the same data.')
    truth = _truth(scoring, mask_dir, all_dir, all_classes, usual, ignore_index)
    model = load_cam_model(configs[1], fbr.checkpoint, len(classes))
    choose_ids, items = list(_items(choosing)), _items(scoring)
    measured = [measure(run.name, run.cam_dir, choose_ids, list(items), truth, thresholds, progress) for run in runs]
    numbers = Comparison(*measured, Path(choose_list).name, Path(score_list).name, len(items.keys() & set(choose_ids)))

    settings = CamSettings(**configs[1].get('cam_cfg', {}))
    cases = [read_case(image, items[image], truth, zip(runs, [run.threshold for run in measured], strict=True),
                       lambda pixels, labels: image_cells(model, pixels, labels, settings))
             for image in progress(choose_images(_things(items, truth), images, truth.usual))]
    write_text(path, page(title, numbers, curves, cases, truth, [run.facts() for run in runs], environment(), commands))
    if json_path is not None:
        write_json(json_path, numbers.as_dict())
    return Report(Path(path), numbers)


def _classes(config):
    dataset = config.train_dataloader.dataset
    while 'dataset' in dataset:  # wrappers such as RepeatDataset
        dataset = dataset.dataset
    return list(dataset.metainfo.classes)


def _items(dataset):
    """{id: item} of a data set, each image once."""
    items = (dataset.get_data_info(index) for index in range(len(dataset)))
    folder = dataset.data_prefix['img_path']
    return {os.path.relpath(item['img_path'], folder).removesuffix(dataset.img_suffix): item for item in items}


def _things(items, truth):
    """{id: set of the foreground classes it is labelled with}."""
    present = {image: set(np.flatnonzero(item['image_labels']).tolist()) for image, item in items.items()}
    return {image: classes - {truth.bg_index} for image, classes in present.items()}


def _truth(dataset, mask_dir, all_dir, all_classes, usual, ignore_index):
    """The ``Truth`` under the data root, without stuff or kinds of background where their files are missing."""
    root, classes = Path(dataset.data_root or ''), list(dataset.metainfo['classes'])
    masks, everything, names, usual = (root / name for name in (mask_dir, all_dir, all_classes, usual))
    existing(masks, 'The folder of ground truth masks')
    stuff = {}
    if everything.exists() and names.exists():
        stuff = dict(all_dir=everything, all_classes=read_lines(names, 'The all-class list'))
        stuff_columns(classes, stuff['all_classes'], dataset.bg_index)  # lists that do not fit are refused now
    kinds = read_object(usual, 'The table of usual backgrounds') if usual.exists() else None
    if kinds and not {*map(type, kinds.values())} <= {bool}:
        raise InputError(f'The table of usual backgrounds {usual} must say true or false of each image.')
    return Truth(masks, classes, usual=kinds, bg_index=dataset.bg_index, ignore_index=ignore_index, **stuff)
