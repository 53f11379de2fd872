"""`StepSeedHook`: random numbers of the main process that depend on seed, process and iteration alone."""
import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmfbr.core.stream import derived_seed


class StepSeedHook(Hook):
    """Seeds Python, numpy and torch before each training iteration, so that a resumed run draws what a whole one does.

    Checkpoints of mmengine hold no random states, and a validation in between moves the global stream. With
    ``randomness.seed`` in the config and workers that load the data, the iteration loop then ends with the same weights
    with and without an interruption.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Seeds from the run's seed, the process's rank and the iteration."""
        seed = derived_seed('StepSeedHook', runner.seed, get_rank(), runner.iter)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)  # of every device; FBR derives its own stream from it
