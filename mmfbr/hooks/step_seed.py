"""`StepSeedHook`: random numbers of the main process that depend on seed, process and iteration alone."""
import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmfbr.core.stream import derived_seed


class StepSeedHook(Hook):
    """Seeds Python, numpy and torch before each training iteration, so that a resumed run draws what the uninterrupted one would.

    Checkpoints of mmengine hold no random states, and a validation in between moves the global stream. With ``randomness.seed`` in the
    config and workers that load the data, the iteration loop then ends with the same weights with and without an interruption.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Seeds from the run's seed, the process's rank and the iteration."""
        seed = derived_seed('StepSeedHook', runner.seed, get_rank(), runner.iter)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        # FBR derives its stream from torch's initial seed, which must stay the run's own: so the state is set, not the seed.
        torch.default_generator.set_state(torch.Generator().manual_seed(seed).get_state())
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(seed)
