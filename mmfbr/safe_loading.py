"""Lets torch read mmengine's checkpoints with ``weights_only`` on."""
import numpy as np
import torch
from mmengine.logging import HistoryBuffer


def allow_checkpoint_classes():
    """Allow-lists what mmengine's checkpoints hold beside tensors: its log history, and the numpy arrays in it.

    torch >= 2.6 refuses any other class by default, and so does this package: a checkpoint is data, not code. The history names its
    statistics by ``getattr``, which as such would open every door; a function that knows these names alone stands in for it.
    """
    if not hasattr(torch.serialization, 'add_safe_globals'):  # torch < 2.4
        return
    multiarray = np._core.multiarray if hasattr(np, '_core') else np.core.multiarray
    kinds = [type(np.dtype(kind)) for kind in ('bool', 'int32', 'int64', 'float32', 'float64')]
    torch.serialization.add_safe_globals(
        [HistoryBuffer, np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar, *kinds,
         (history_statistic, 'builtins.getattr'), (history_statistic, '__builtin__.getattr')])


def history_statistic(owner, name):
    """``getattr`` for the statistics of ``HistoryBuffer``; ValueError for anything else."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise ValueError(f'A checkpoint asks for {name!r} of {owner!r}; only the statistics of a log history are loaded.')
    return getattr(HistoryBuffer, name)
