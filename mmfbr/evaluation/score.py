"""Scores of whole folders: reads predictions and ground truth image by image and adds up the counts."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmfbr.evaluation.confusion import Scores, confusion
from mmfbr.evaluation.stuff import StuffScores, cooccurrence, stuff_columns, stuff_confusion
from mmfbr.evaluation.sweep import Sweep, mask_from_cam, threshold_confusions
from mmfbr.files import InputError, existing, for_each, read_ids, require_files
from mmfbr.image_files import read_cam, read_mask


def image_ids(folder, list_file=None, suffix='.png', what='The ground truth folder'):
    """Names of the images to score: the lines of ``list_file``, each once, or else all files ``*.suffix`` of ``folder``
    that messages call ``what``."""
    if list_file is not None:
        return list(dict.fromkeys(read_ids(list_file, 'The image list')))
    ids = sorted(path.stem for path in existing(folder, what).glob(f'*{suffix}'))
    if not ids:
        raise InputError(f'{what} {folder} holds no file *{suffix}; give the folder that has them.')
    return ids


def score_masks(pred_dir, gt_dir, ids, num_classes, bg_index=0, ignore_index=255, threshold=None, progress=iter):
    """``confusion`` (C, C + 1) int64 summed over images.

    Args:
        pred_dir: folder of ID.png masks, or, with a ``threshold``, of ID.npz CAM files that are cut at it.
        gt_dir: folder of ID.png masks.
        ids: names of the images.
        progress: called with ``ids``, gives them back one by one; a place for a progress bar.

    Raises InputError for an empty list, for images without a file, and after the last image for all that could not be
    counted, with up to ten of them named.
    """
    predicted = _prediction_reader(pred_dir, ids, threshold, bg_index)
    true = _mask_reader(gt_dir, ids, 'ground truth')
    return _total(ids, progress, lambda name: confusion(predicted(name), true(name), num_classes, ignore_index))


def sweep_cams(cam_dir, gt_dir, ids, thresholds, num_classes, bg_index=0, ignore_index=255, progress=iter):
    """``threshold_confusions`` (T, C, C) int64 of the CAM files cam_dir/ID.npz, summed over images.

    Other arguments and errors as for ``score_masks``.
    """
    require_files(cam_dir, ids, '.npz', 'CAM file')
    true = _mask_reader(gt_dir, ids, 'ground truth')
    return _total(ids, progress, lambda name: threshold_confusions(
        *read_cam(Path(cam_dir) / f'{name}.npz'), true(name), thresholds, num_classes, bg_index, ignore_index))


def score_stuff(pred_dir, gt_dir, all_dir, ids, num_classes, num_all, bg_index=0, ignore_index=255, threshold=None,
                progress=iter):
    """``stuff_confusion`` (C, A + 1) int64 summed over images; ``all_dir`` holds the ID.png of things and stuff.

    Other arguments and errors as for ``score_masks``.
    """
    predicted = _prediction_reader(pred_dir, ids, threshold, bg_index)
    true, everything = _mask_reader(gt_dir, ids, 'ground truth'), _mask_reader(all_dir, ids, 'all-class mask')
    return _total(ids, progress, lambda name: stuff_confusion(
        predicted(name), true(name), everything(name), num_classes, num_all, ignore_index))


def count_cooccurrence(gt_dir, all_dir, ids, num_classes, num_all, ignore_index=255, progress=iter):
    """``cooccurrence`` (2, C, A + 1) int64 summed over images; arguments and errors as for ``score_stuff``."""
    true, everything = _mask_reader(gt_dir, ids, 'ground truth'), _mask_reader(all_dir, ids, 'all-class mask')
    return _total(ids, progress, lambda name: cooccurrence(
        true(name), everything(name), num_classes, num_all, ignore_index))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What ``evaluate`` found: confusion counts (C, C or C + 1), and the sweep and the stuff scores where asked for."""
    classes: list
    images: int
    confusion: np.ndarray
    threshold: float | None = None
    sweep: Sweep | None = None
    stuff: StuffScores | None = None

    @property
    def scores(self):
        return Scores.of(self.confusion)

    def as_dict(self):
        """For JSON: the scores, the confusion counts, and the sweep and stuff scores where there are any."""
        content = {'images': self.images, 'threshold': self.threshold, **self.scores.as_dict(self.classes),
                   'confusion': self.confusion.tolist()}
        if self.sweep:
            content['sweep'] = self.sweep.as_dict()
        if self.stuff:
            content['stuff'] = self.stuff.as_dict()
        return content

    def text(self):
        """Plain text tables."""
        parts = [self.scores.table(self.classes)]
        if self.threshold is not None:
            best = 'best of the sweep on these images, ' if self.sweep else ''
            parts.insert(0, f'threshold {self.threshold:g}: {best}mIoU {100 * self.scores.mean_iou:.2f} %')
        if self.stuff:
            parts.append(self.stuff.table())
        return '\n\n'.join(parts)


def evaluate(pred_dir, gt_dir, ids, classes, bg_index=0, ignore_index=255, threshold=None, thresholds=None,
             all_dir=None, all_classes=None, cooccurrence_ids=None, progress=iter):
    """Everything ``tools/eval_masks.py`` prints.

    Args:
        pred_dir, gt_dir, ids, progress: as for ``score_masks``.
        classes: the C class names, background at ``bg_index``.
        threshold: ``pred_dir`` holds CAM files, which are cut at this value.
        thresholds: ``pred_dir`` holds CAM files; sweep these ascending values and score at the best.
        all_dir, all_classes: masks of things and stuff and their names, for the stuff scores.
        cooccurrence_ids: images from whose masks the accompanying stuff is found; ``ids`` when None.

    Returns: an Evaluation.

    Raises InputError as ``score_masks`` does, and when no pixel of the ground truth is counted.
    """
    if not 0 <= bg_index < len(classes):
        raise InputError(f'The background index {bg_index} is outside the {len(classes)} classes; '
                         f'give a number from 0 to {len(classes) - 1}.')
    stuff = sweep = None
    if all_dir is not None:
        stuff_columns(classes, all_classes, bg_index)  # lists that do not fit are refused before the counting
    settings = {'num_classes': len(classes), 'ignore_index': ignore_index, 'progress': progress}
    if thresholds is not None:
        sweep = Sweep(np.asarray(thresholds),
                      sweep_cams(pred_dir, gt_dir, ids, thresholds, bg_index=bg_index, **settings))
        _some_counted(sweep.counts, gt_dir, ignore_index)
        counts, threshold = sweep.counts[sweep.best], sweep.best_threshold
    else:
        counts = score_masks(pred_dir, gt_dir, ids, bg_index=bg_index, threshold=threshold, **settings)
        _some_counted(counts, gt_dir, ignore_index)
    if all_dir is not None:
        settings['num_all'] = len(all_classes)
        false_positives = score_stuff(
            pred_dir, gt_dir, all_dir, ids, bg_index=bg_index, threshold=threshold, **settings)
        together = count_cooccurrence(
            gt_dir, all_dir, ids if cooccurrence_ids is None else cooccurrence_ids, **settings)
        stuff = StuffScores(counts, false_positives, together, classes, all_classes, bg_index)
    return Evaluation(classes, len(ids), counts, threshold, sweep, stuff)


def _some_counted(counts, gt_dir, ignore_index):
    if not counts.any():
        raise InputError(f'No pixel was counted: each mask of {gt_dir} that was read is {ignore_index} (void) '
                         'throughout. Give other images or another ignore index.')


def _mask_reader(folder, ids, what):
    require_files(folder, ids, '.png', what)
    return lambda name: read_mask(Path(folder) / f'{name}.png')


def _prediction_reader(folder, ids, threshold, bg_index):
    if threshold is None:
        return _mask_reader(folder, ids, 'prediction')
    require_files(folder, ids, '.npz', 'CAM file')
    return lambda name: mask_from_cam(*read_cam(Path(folder) / f'{name}.npz'), threshold, bg_index)


def _total(ids, progress, count):
    """Sum of ``count(name)`` over the images."""
    return sum(for_each(ids, count, progress, 'scored'))
