"""`StepSeedHook`: random numbers of the main process that depend on seed, process and iteration alone."""
import random
from collections import deque
from itertools import islice

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmfbr.core.stream import derived_seed


class StepSeedHook(Hook):
    """Seeds Python, numpy and torch before each training iteration, so that a resumed run draws what a whole one does.

    Checkpoints of mmengine hold no random states, and a validation in between moves the global stream. With
    ``randomness.seed`` in the config, these then end with the same weights with and without an interruption: the
    iteration loop, where workers load the data; and the epoch loop, from checkpoints at the end of an epoch, where no
    worker outlives an epoch (``persistent_workers=False``, or no workers).
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner):
        """Has a resumed run load what was trained on again, so that the workers draw on from where they were.

        mmengine does so; onedl-mmengine would start the workers at the next batch, with other random numbers.
        """
        iterator = getattr(runner.train_loop, 'dataloader_iterator', None)
        if hasattr(iterator, 'skip_iter'):
            iterator.skip_iter = lambda steps: deque(islice(iterator, steps), maxlen=0)

    def before_train_epoch(self, runner):
        """Seeds for the first batch of an epoch, which is drawn before the iteration begins where no worker does it."""
        _seed(runner.seed, get_rank(), runner.iter, 'epoch')

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Seeds from the run's seed, the process's rank and the iteration."""
        _seed(runner.seed, get_rank(), runner.iter)


def _seed(*key):
    seed = derived_seed('StepSeedHook', *key)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)  # of every device; FBR derives its own stream from it
