"""`torchrun tools/train.py CONFIG --launcher pytorch` with two gloo processes on the CPU, and its resume."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmfbr.demo import write_demo

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONFIG = f"""
_base_ = {str(ROOT / 'configs' / 'cam' / 'cam_resnet18_demo_fbr.py')!r}
custom_imports = dict(imports=['mmfbr', 'bank_log'])
custom_hooks = [dict(type='StepSeedHook'), dict(type='BankLog')]
train_cfg = dict(max_iters=4, val_interval=2)
train_dataloader = dict(batch_size=4)
val_dataloader = dict(num_workers=0, persistent_workers=False)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2, max_keep_ckpts=9))
"""


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Work dirs of a run of 4 iterations, and of one resumed from its checkpoint of iteration 2."""
    folder = tmp_path_factory.mktemp('runs')
    write_demo(folder / 'data', size=64, train=24, val=4, test=4, background=16)
    (folder / 'config.py').write_text(CONFIG)
    whole, resumed = folder / 'whole', folder / 'resumed'
    torchrun(folder, whole)
    resumed.mkdir()
    shutil.copy(whole / 'iter_2.pth', resumed)
    torchrun(folder, resumed, '--resume')
    return whole, resumed


def torchrun(folder, work_dir, *words):
    path = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2',
         ROOT / 'tools' / 'train.py', folder / 'config.py', '--launcher', 'pytorch', '--work-dir', work_dir, *words,
         '--cfg-options', 'model.decode_head.loss_decode.1.warmup_iters=0'],
        capture_output=True, text=True, timeout=900, env={**os.environ, 'PYTHONPATH': path, 'OMP_NUM_THREADS': '1',
                                                          'CUDA_VISIBLE_DEVICES': '-1',
                                                          'DEMO_ROOT': str(folder / 'data')})
    assert done.returncode == 0, done.stderr[-3000:]


def banks(work_dir, iterations):
    return [[(work_dir / f'bank_{rank}_{iteration}.txt').read_text() for rank in (0, 1)] for iteration in iterations]


def test_banks_are_equal_after_every_iteration(runs):
    found = banks(runs[0], range(1, 5))
    assert all(one == other for one, other in found)
    fills = [int(one.split()[1]) for one, _ in found]
    assert fills[0] > 0 and sorted(set(fills)) == fills


def test_processes_exchange_no_buffers_and_look_for_no_unused_parameters(runs):
    assert [(runs[0] / f'ddp_{rank}.txt').read_text() for rank in (0, 1)] == ['False False'] * 2


def test_resumed_run_ends_with_the_same_bits(runs):
    whole, resumed = runs
    assert not (resumed / 'bank_0_2.txt').exists()  # it did not start again
    assert banks(resumed, (3, 4)) == banks(whole, (3, 4))
    one, other = (torch.load(folder / 'iter_4.pth', weights_only=True) for folder in runs)
    assert all(one['state_dict'][key].equal(value) for key, value in other['state_dict'].items())
    for index, state in other['optimizer']['state'].items():
        assert all(one['optimizer']['state'][index][key].equal(value) for key, value in state.items())
