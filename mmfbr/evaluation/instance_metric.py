"""mAP^r of mmdet's predictions against a COCO annotation file, in mmengine's validation and test loops."""
import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmfbr.evaluation.instance_ap import CONVENTIONS, THRESHOLDS
from mmfbr.evaluation.instance_files import read_truth, score_instances
from mmfbr.files import InputError, write_json
from mmfbr.run_lengths import coco_masks


class VOCInstanceMetric(BaseMetric):
    """Mean average precision of instance masks at some thresholds of IoU, in percent, as ``voc/mAP25``, ``voc/mAP50``,
    ...; see ``instance_ap`` for what is counted. The table of the classes goes to the log.

    Each data sample holds ``img_id`` and ``pred_instances`` with ``masks`` ((N, H, W) bool, or N run lengths), at the
    size of the original image, ``labels`` (N,), and ``scores`` (N,), or ``mask_scores`` where a detector has them.

    Args:
        ann_file (str): COCO annotation file of the ground truth; categories are found by the data set's class names.
        thresholds (Sequence[float]): in (0, 1].
        convention (str): 'voc', or 'coco' for pycocotools' rules.
        outfile_prefix (str | None): also write the predictions as a COCO result list, ``PREFIX.segm.json``.
        collect_device, prefix: as for mmengine's BaseMetric.

    Raises ValueError for other thresholds or conventions, and InputError, when scores are computed, for what does not
    fit together.
    """
    default_prefix = 'voc'

    def __init__(self, ann_file, thresholds=THRESHOLDS, convention='voc', outfile_prefix=None, collect_device='cpu',
                 prefix=None):
        super().__init__(collect_device=collect_device, prefix=prefix)
        if convention not in CONVENTIONS:
            raise ValueError(f'convention is {convention!r}; choose one of {", ".join(CONVENTIONS)}.')
        if not thresholds or not all(0 < threshold <= 1 for threshold in thresholds):
            raise ValueError(f'thresholds are {thresholds}; give at least one, each above 0 and at most 1.')
        self.ann_file, self.thresholds, self.convention = ann_file, tuple(thresholds), convention
        self.outfile_prefix = outfile_prefix

    def process(self, data_batch, data_samples):
        for sample in data_samples:
            found = sample['pred_instances']
            scores = found['mask_scores'] if 'mask_scores' in found else found['scores']
            self.results.append((sample['img_id'], found['labels'].tolist(), scores.tolist(), _encoded(found['masks'])))

    def compute_metrics(self, results):
        truth = read_truth(self.ann_file)
        ids = {name: identity for identity, name in truth.categories.items()}
        classes = self.dataset_meta['classes']
        missing = [name for name in classes if name not in ids]
        if missing:
            raise InputError(f'The ground truth {self.ann_file} has no category {missing[0]!r}, a class of the data '
                             'set (metainfo.classes). Give both the same names.')
        unknown = [image for image, *_ in results if image not in truth.images]
        if unknown:
            raise InputError(f'The ground truth {self.ann_file} has no image {unknown[0]!r}, which was tested. Give '
                             "the evaluator the data set's own ann_file.")
        predictions = [(image, ids[classes[label]], score, mask) for image, *found in results
                       for label, score, mask in zip(*found, strict=True)]
        if self.outfile_prefix:
            write_json(f'{self.outfile_prefix}.segm.json', [
                dict(image_id=image, category_id=category, score=score, segmentation=mask)
                for image, category, score, mask in predictions])
        scores = score_instances(truth, predictions, self.thresholds, self.convention)
        MMLogger.get_current_instance().info(f'\n{scores.table()}')
        return {f'mAP{100 * threshold:g}': 100 * float(mean)
                for threshold, mean in zip(self.thresholds, scores.mean, strict=True)}


def _encoded(masks):
    """Run lengths with counts as text, of (N, H, W) masks or of run lengths."""
    if isinstance(masks, torch.Tensor):
        masks = masks.detach().cpu().numpy()
    if isinstance(masks, np.ndarray):
        masks = [coco_masks().encode(np.asfortranarray(mask, np.uint8)) for mask in masks]
    return [{**runs, 'counts': runs['counts'].decode()} if isinstance(runs['counts'], bytes) else runs
            for runs in masks]
