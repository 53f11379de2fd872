"""Runs that were never trained: CAMs made of the truth, with as many mistakes as told."""
import numpy as np
import torch

from mmfbr.cam.sources import image_label_dataset
from mmfbr.cam.work import jobs_of
from mmfbr.compare.run import Run
from mmfbr.compare.study import stem
from mmfbr.evaluation import ImageCounts
from mmfbr.files import write_json, write_text
from mmfbr.image_files import read_mask


def cam_of(truth, classes, mistakes, rng, level):
    """Maps (K, H, W) that are ``level`` on each class and 0.55 of it elsewhere, but for a share ``mistakes`` of all
    pixels, where it is the other way round."""
    inside = np.stack([(truth == c) for c in classes]) if len(classes) else np.zeros((0, *truth.shape), bool)
    wrong = rng.random(truth.shape) < mistakes
    return np.where(inside != wrong, level, 0.55 * level).astype(np.float32)


def invent(harness, variant, seed, mistakes, lists=None, batches='same'):
    """Finishes the runs of a variant and seed without a training."""
    for run in harness.of(variant, seed):
        write_text(run.folder / 'config.py', run.config.pretty_text)
        write_json(run.work_dir / 'pairing.json', dict(weights=f'start{seed}', first_batch=batches, batches=batches,
                                                       iterations=6))
        write_text(run.work_dir / '20260101' / 'vis_data' / 'scalars.json', '{"step": 1, "loss": 2.0, "time": 0.25}\n')
        torch.save(dict(state_dict={}), run.weights)
        for entry in lists or harness.study.lists(final=True):
            count(harness, run, entry, mistakes)


def count(harness, run: Run, entry, mistakes):
    truth, rng = harness.truth, np.random.default_rng(run.seed)
    jobs, found = jobs_of(image_label_dataset(run.config, run.image_lists[entry])), []
    for job in jobs:
        mask = read_mask(truth.mask_dir / f'{job.image_id}.png')
        classes = np.array([c for c in truth.things if job.labels[c]], np.int64)
        # Of the study's thresholds 0.7 is the best on trainval; on the others 0.5 and 0.7 are.
        level = 1.0 if stem(entry) == 'trainval' else 0.8
        found.append(truth.cells(job, None, cam_of(mask, classes, mistakes, rng, level), classes))
    ImageCounts.of([job.image_id for job in jobs], found, harness.study.thresholds, len(truth.classes),
                   len(truth.all_classes), truth.bg_index).save(run.folder / 'counts' / f'{stem(entry)}.npz')
