"""Reads checkpoints with ``weights_only`` on: as data, never as code."""
import os
import pickle
import zipfile
from contextlib import contextmanager
from urllib.error import URLError

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, checkpoint
from mmengine.utils.dl_utils import load_url
from packaging.version import Version

from .files import InputError, existing


def allow_checkpoint_classes():
    """Allow-lists what mmengine's checkpoints hold beside tensors: its log history, and the numpy arrays in it.

    torch >= 2.6 refuses any other class by default, and so does this package: a checkpoint is data, not code. The
    history names its statistics by ``getattr``, which as such would open every door; a function that knows these names
    alone stands in for it. numpy's two functions moved in numpy 2; files written before and after are read by both.
    """
    multiarray = np._core.multiarray if hasattr(np, '_core') else np.core.multiarray
    classes = [HistoryBuffer, np.ndarray, np.dtype,
               *(type(np.dtype(kind)) for kind in ('bool', 'int32', 'int64', 'float32', 'float64'))]
    if Version(torch.__version__) >= Version('2.6'):
        # onedl-mmengine takes such classes off torch's list after each load of its own; beside their names they stay.
        classes = [(kind, f'{kind.__module__}.{kind.__qualname__}') for kind in classes]
    moved = [(function, f'numpy.{core}.multiarray.{function.__name__}')
             for function in (multiarray._reconstruct, multiarray.scalar) for core in ('core', '_core')]
    getattr_names = [(history_statistic, f'{module}.getattr') for module in ('builtins', '__builtin__')]
    torch.serialization.add_safe_globals([*classes, *(_under(*pair) for pair in moved + getattr_names)])


def history_statistic(owner, name):
    """``getattr`` for the statistics of ``HistoryBuffer``; ValueError for anything else."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise ValueError(f'A checkpoint asks for {name!r} of {owner!r}; of a log history only the statistics are '
                         'loaded.')
    return getattr(HistoryBuffer, name)


def _under(function, path):
    """``function`` as if it lay at ``path``: all that torch 2.4 and 2.5 know an allow-listed object by."""
    def stand_in(*args):
        return function(*args)
    stand_in.__module__, _, stand_in.__name__ = path.rpartition('.')
    stand_in.__qualname__ = stand_in.__name__
    return stand_in


def load_safely_in_mmengine():
    """Has mmengine read as data what ``load_from``, ``--resume`` and every ``init_cfg`` name, files and addresses.

    Its own readers leave ``weights_only`` to torch, which runs what a file says: always where it was downloaded, and
    otherwise before 2.6 or where TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD is set.
    """
    CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    checkpoint.load_url = load_from_url  # that all of its readers of addresses and of model zoos call


def load_from_local(filename, map_location=None):
    """mmengine's function of this name, whose log line says it."""
    filename = os.path.expanduser(filename)
    if not os.path.isfile(filename):
        raise FileNotFoundError(f'The checkpoint {filename} is not there.')
    return load_content(filename, map_location=map_location)


def load_from_url(url, *args, **kwargs):
    """torch's ``load_url``, as ``load_content`` reads files."""
    with _as_input_error('The checkpoint', url):
        return _without_program(load_url(url, *args, **{**kwargs, 'weights_only': True}))


def load_content(path, what='The checkpoint', map_location='cpu'):
    """What a checkpoint file holds, on the CPU or where ``map_location`` says; never runs code from it.

    Raises:
        InputError: when the file is missing, damaged, or holds anything but tensors and mmengine's own records.
    """
    path = existing(path, what)
    with _as_input_error(what, path):
        _check_records(path)
        return _without_program(torch.load(path, map_location=map_location, weights_only=True))


def load_state(path, what='The checkpoint'):
    """The state dict of a checkpoint file, on the CPU; raises as ``load_content``, and when there is none in it."""
    content = load_content(path, what)
    return as_state(content.get('state_dict', content) if isinstance(content, dict) else None, path, what)


def as_state(state, path, what='The checkpoint'):
    """``state`` without a data-parallel wrapper's prefix; InputError that names the file unless it is a state dict."""
    if not isinstance(state, dict) or not state or not all(map(_is_dense, state.values())):
        raise InputError(f'{what} {path} holds no state dict, which is names and dense tensors.')
    return {str(key).removeprefix('module.'): value for key, value in state.items()}  # of a data-parallel wrapper


def _is_dense(value):
    return isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_meta


@contextmanager
def _as_input_error(what, path):
    try:
        yield
    except URLError:
        raise
    except pickle.UnpicklingError as error:
        raise InputError(f'{what} {path} is damaged, or holds objects other than tensors, which are not loaded for '
                         f'safety ({_reason(error)}).') from error
    except Exception as error:  # torch interprets the damaged bytes, and what that raises is anything
        raise InputError(f'{what} {path} cannot be read; it is damaged or no checkpoint ({_reason(error)}).') from error


def _without_program(content):
    """``content`` without the config that mmcv left as text: mmengine's resume would run it."""
    if isinstance(content, dict) and isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


def _check_records(path):
    """ValueError for records that are compressed: torch never does it, and they may be a thousand times the file."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(record.compress_type != zipfile.ZIP_STORED for record in archive.infolist()):
                raise ValueError('its records are compressed')


def _reason(error):
    """The line of torch's message that says what is wrong, without its advice to load the file all the same."""
    said = str(error).rpartition('WeightsUnpickler error: ')[2].partition(' Please use')[0]
    return (said.splitlines() or [type(error).__name__])[0].rstrip('.')
