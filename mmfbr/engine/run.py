"""Training and testing as the tools do it: the mm packages' flags, checks before the start, many processes on a CPU."""
import os
import shutil
from pathlib import Path

import torch
from mmengine.dist import barrier, is_main_process

from mmfbr.files import InputError, move_files

from .load import load_model, read_config
from .memory import keep_memory
from .preflight import check_config


def load_config(path, options=None, work_dir=None):
    """The mmengine config at ``path`` with ``options`` merged in and its work dir settled."""
    config = read_config(path, options=options)
    config.work_dir = work_dir or config.get('work_dir') or str(Path('work_dirs', Path(path).stem))
    return config


def train(path, work_dir=None, resume=False, amp=False, options=None, launcher='none'):
    """Trains the config at ``path``; see ``tools/train.py``."""
    config = load_config(path, options, work_dir)
    config.resume = resume or config.get('resume', False)
    if amp:
        if not torch.cuda.is_available():
            raise InputError('--amp needs a GPU: on the CPU mmengine has no mixed precision training. Leave the flag '
                             'out.')
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    check_settings(config, path)
    _runner(config, launcher).train()


def check_settings(config, path):
    """``check_config`` of the config read from ``path``; a setting of another kind than it should be is an InputError
    too, wherever it fails first."""
    try:
        check_config(config)
    except (InputError, OSError):
        raise
    except Exception as error:
        raise InputError(f'The config {path} has a setting that cannot be used ({type(error).__name__}: {error}). '
                         'Correct it.') from error


def test(path, checkpoint, work_dir=None, out=None, options=None, launcher='none'):
    """Tests ``checkpoint`` with the evaluators of the config at ``path``; see ``tools/test.py``. Returns metrics."""
    config = load_config(path, options, work_dir)
    load_model(config, checkpoint)  # mmengine would test the random weights of whatever does not fit
    config.load_from = str(checkpoint)
    if out is not None:
        part = Path(out, '.test.part')  # the evaluators write in place
        evaluators = config.test_evaluator if isinstance(config.test_evaluator, list) else [config.test_evaluator]
        for evaluator in evaluators:
            if evaluator.type == 'IoUMetric':
                evaluator.output_dir = str(part)
            elif evaluator.type in ('CocoMetric', 'VOCInstanceMetric'):
                evaluator.outfile_prefix = str(part / 'predictions')
    runner = _runner(config, launcher)
    if out is None:
        return runner.test()
    if is_main_process():
        shutil.rmtree(part, ignore_errors=True)  # of a killed run
    barrier()
    metrics = runner.test()  # ends when the main process has what all have found
    if is_main_process():
        move_files(part, out)
    return metrics


def _runner(config, launcher):
    from mmengine.runner import Runner
    keep_memory()
    config.launcher = launcher
    if launcher == 'pytorch' and not torch.cuda.is_available():
        # mmengine selects a GPU while it opens a group, whatever the backend, and gives DDP a device: it skips the
        # first when a group is open, and takes the second from the config.
        torch.distributed.init_process_group('gloo')
        # The rest is what mmengine sets where the config says nothing: torch would send all buffers, and with them the
        # bank, before every step.
        config.model_wrapper_cfg = {
            'type': 'MMDistributedDataParallel', 'broadcast_buffers': False,
            'find_unused_parameters': config.get('find_unused_parameters', False),
            **(config.get('model_wrapper_cfg') or {}), 'device_ids': None}
        config.env_cfg.dist_cfg = dict(backend='gloo')
    os.makedirs(config.work_dir, exist_ok=True)
    runner = Runner.from_cfg(config)
    if launcher == 'pytorch' and not torch.cuda.is_available():
        refuse_sync_bn(runner.model)
    return runner


def refuse_sync_bn(model):
    """Raises InputError for a layer that several processes on a CPU cannot train."""
    name = next((name for name, part in model.named_modules() if isinstance(part, torch.nn.SyncBatchNorm)), None)
    if name is not None:
        raise InputError(f'{name} is a SyncBatchNorm, which torch runs on GPUs only, and there is none here. Set the '
                         "type of norm_cfg to 'BN', leave sync_bn out, or train with one process.")
