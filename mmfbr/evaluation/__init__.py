"""Evaluation of masks, activation maps and instances; numpy (metric classes: mmengine; instances: pycocotools)."""
from mmfbr.evaluation.confusion import Scores, confusion
from mmfbr.evaluation.curve import plot_sweep
from mmfbr.evaluation.instance_ap import THRESHOLDS, InstanceScores, average_precisions
from mmfbr.evaluation.instance_files import Truth, evaluate_instances, read_predictions, read_truth, score_instances
from mmfbr.evaluation.per_image import ImageCounts, image_cells
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
from mmfbr.evaluation.sweep import Sweep, map_classes, mask_from_cam, threshold_confusions

__all__ = [
    'THRESHOLDS', 'Evaluation', 'ImageCounts', 'InstanceScores', 'Scores', 'StuffScores', 'Sweep', 'Truth',
    'average_precisions', 'companions', 'confusion', 'cooccurrence', 'count_cooccurrence', 'evaluate',
    'evaluate_instances', 'image_cells', 'image_ids', 'map_classes', 'mask_from_cam', 'plot_sweep', 'read_predictions',
    'read_truth', 'score_instances', 'score_masks', 'score_stuff', 'stuff_columns', 'stuff_confusion', 'sweep_cams',
    'threshold_confusions'
]
