"""Trains on the demo data for many steps and says what each tenth of them held in memory, as lines of JSON.

``python tests/numbers/long_run.py 2000`` is the run whose numbers stand in docs/reliability.md.
"""
import argparse
import gc
import hashlib
import json
import os
import tempfile
from pathlib import Path

import psutil
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmfbr.demo import write_demo
from mmfbr.engine import load_config
from mmfbr.engine.memory import keep_memory

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'cam' / 'cam_resnet18_demo_fbr.py'
LOSS = 'model.decode_head.loss_decode.1.'


class Watch(Hook):
    """Prints steps, resident memory in MiB, the number of tensors that Python holds, the loss."""
    priority = 'VERY_LOW'

    def __init__(self, interval):
        self.interval, self.digest = interval, hashlib.sha256()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.digest.update(json.dumps({key: value.item() for key, value in outputs.items()}).encode())
        if (runner.iter + 1) % self.interval:
            return
        del data_batch, outputs
        gc.collect()
        bank = runner.model.decode_head.loss_decode[1].nroi
        print(json.dumps(dict(
            step=runner.iter + 1, rss=round(psutil.Process().memory_info().rss / 2**20, 1),
            tensors=sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects()), fill=int(bank.fill),
            losses=self.digest.hexdigest())), flush=True)

    def after_train(self, runner):
        for value in runner.model.state_dict().values():
            self.digest.update(value.contiguous().view(torch.uint8).numpy() if value.dim() else repr(value).encode())
        print(json.dumps(dict(state=self.digest.hexdigest())), flush=True)


def train(steps, folder):
    os.environ.update(DEMO_ROOT=str(folder / 'data'), CUDA_VISIBLE_DEVICES='-1')
    write_demo(folder / 'data', size=64, train=24, val=4, test=4, background=16)
    keep_memory()
    config = load_config(CONFIG, {
        'train_cfg.max_iters': steps, 'train_dataloader.batch_size': 4, 'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False, 'model.backbone.base_channels': 4,
        'model.backbone.stem_channels': 4, 'model.decode_head.in_channels': 32, 'model.neck.in_channels': 32,
        f'{LOSS}warmup_iters': 2, f'{LOSS}nroi.capacity': 2000, 'log_level': 'WARNING',
        'default_hooks.checkpoint.interval': steps + 1, 'default_hooks.checkpoint.save_last': False}, str(folder))
    for key in ('val_cfg', 'val_dataloader', 'val_evaluator', 'test_cfg', 'test_dataloader', 'test_evaluator'):
        config[key] = None
    runner = Runner.from_cfg(config)
    runner.register_hook(Watch(steps // 10))
    runner.train()


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('steps', type=int, help='at least 10')
    with tempfile.TemporaryDirectory() as made:
        train(parser.parse_args().steps, Path(made))
