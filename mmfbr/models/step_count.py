"""`StepCount`: what a loss with a warm-up knows of the training it is part of."""
import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from torch import nn

from mmfbr.core.stream import derived_generator


class StepCount(nn.Module):
    """A loss that counts the training steps it has seen, and does nothing for the first ``warmup_iters`` of them.

    The count is in checkpoints: a resumed run continues it, one that loads weights to begin with starts at 0.
    """

    def __init__(self, warmup_iters):
        super().__init__()
        self.warmup_iters = warmup_iters
        self.register_buffer('steps', torch.zeros((), dtype=torch.int64))
        self._steps = 0  # the same number where Python can read it without waiting for the device
        self._loaded = False

    def count_step(self):
        """Counts one step more."""
        if self._loaded:
            # A checkpoint was loaded. In a run that begins it was a start for the weights (load_from), not a resume.
            if MessageHub.get_current_instance().get_info('iter') == 0:
                self.forget()
            self._loaded = False
        self._steps += 1
        self.steps.fill_(self._steps)

    def forget(self):
        """Drops what was learned in another run."""
        self._steps = 0

    def warming_up(self):
        """Whether the step under way is one of the warm-up."""
        return self._steps <= self.warmup_iters

    def step_generator(self, device, name):
        """Random numbers of this step and process, for the loss called ``name``."""
        return derived_generator(device, name, torch.initial_seed(), get_rank(), self._steps)

    def _load_from_state_dict(self, state_dict, prefix, *args):
        super()._load_from_state_dict(state_dict, prefix, *args)
        if prefix + 'steps' in state_dict:
            self._steps, self._loaded = int(self.steps), True
