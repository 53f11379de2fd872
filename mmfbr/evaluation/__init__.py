"""Evaluation of masks and class activation maps; numpy only (``image_label_metric`` also needs mmengine)."""
from mmfbr.evaluation.confusion import Scores, confusion
from mmfbr.evaluation.curve import plot_sweep
from mmfbr.evaluation.score import (
    Evaluation,
    count_cooccurrence,
    evaluate,
    image_ids,
    score_masks,
    score_stuff,
    sweep_cams,
)
from mmfbr.evaluation.stuff import StuffScores, companions, cooccurrence, stuff_columns, stuff_confusion
from mmfbr.evaluation.sweep import Sweep, mask_from_cam, threshold_confusions

__all__ = [
    'Evaluation', 'Scores', 'StuffScores', 'Sweep', 'companions', 'confusion', 'cooccurrence', 'count_cooccurrence',
    'evaluate', 'image_ids', 'mask_from_cam', 'plot_sweep', 'score_masks', 'score_stuff', 'stuff_columns',
    'stuff_confusion', 'sweep_cams', 'threshold_confusions'
]
