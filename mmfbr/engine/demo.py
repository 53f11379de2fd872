"""The main job, end to end, on the embedded data set: data, two trainings, CAMs, scores, page."""
import json
import os
import time
from pathlib import Path

from mmengine.utils import ProgressBar, track_iter_progress

from mmfbr.cli import shipped_configs
from mmfbr.demo import write_demo

from .child import start_tool, stopped
from .run import load_config
from .schedule import scaled_schedule

HOST, FBR = 'cam_resnet18_demo', 'cam_resnet18_demo_fbr'


def run_demo(out, seed=0, iters=None, size=128, images=(240, 40, 120)):
    """Runs every stage that is not done yet in the folder ``out``, prints the table and returns the path of the page.

    Args:
        out (str | Path): folder for data, work dirs, CAM files and report.html.
        seed (int): of both trainings; they see the same batches and start from the same weights.
        iters (int | None): training iterations; None: the config's.
        size (int): side of the pictures.
        images (Sequence[int]): numbers of training, validation and test images.

    Raises:
        InputError: when a training stops; with the last lines it said and the path of its log.
    """
    started, out = time.monotonic(), Path(out).resolve()
    data, configs = out / 'data', shipped_configs()
    print(f'1/4 drawing {sum(images)} scenes in {data}')
    draw_data(data, size, images)
    runs = {name: Training(configs[name], out / name, seed, iters) for name in (HOST, FBR)}
    print('\n2/4 training the host and the host with FBR, side by side')
    train_side_by_side(list(runs.values()))
    print('\n3/4 class activation maps')
    from mmfbr.cam import make_pseudo_masks
    for name, run in runs.items():
        for split in ('trainval', 'test'):
            print(f'\n{name}, {split}')
            make_pseudo_masks(run.config, run.checkpoint, None, f'ImageSets/{split}.txt', cam_dir=out / f'{name}_cam',
                              progress=track_iter_progress)
    print('\n4/4 scoring and writing the page')
    from mmfbr.report import Run, write_report
    page = write_report(
        out / 'report.html',
        *(Run(title, run.config, run.checkpoint, run.work_dir, out / f'{name}_cam')
          for title, (name, run) in zip(('host', 'host + FBR'), runs.items(), strict=True)),
        choose_list=data / 'ImageSets' / 'trainval.txt', score_list=data / 'ImageSets' / 'test.txt',
        json_path=out / 'report.json')
    print(f'\n{page.table}\n\n{page.path} ({time.monotonic() - started:.0f} s)')
    return page.path


def draw_data(data, size, images, mixed=False):
    """Draws the scenes that are not there yet in the folder ``data``, where the demo configs look from now on."""
    write_demo(data, size, 0, *images, mixed=mixed,
               progress=lambda scenes: track_iter_progress(scenes) if scenes else scenes)
    os.environ['DEMO_ROOT'] = str(data)


class Training:
    """One training in a process of its own, resumed when it was stopped."""

    def __init__(self, config, work_dir, seed, iters, *options):
        self.path, self.work_dir, self.config = config, work_dir, load_config(config)
        self.options = [f'randomness.seed={seed}', 'default_hooks.logger.interval=10', *options]
        if iters is not None:
            self.options += [f'{key}={value}' for key, value in scaled_schedule(self.config, iters).items()]
        self.iters = iters or self.config.train_cfg.max_iters
        self.checkpoint = work_dir / f'iter_{self.iters}.pth'
        self.log = work_dir / 'output.log'

    def start(self, threads):
        self.work_dir.mkdir(parents=True, exist_ok=True)
        self.process = start_tool('train.py', self.path, '--work-dir', self.work_dir, '--resume', '--cfg-options',
                                  *self.options, log=self.log, OMP_NUM_THREADS=str(threads))

    def iterations(self):
        """How far the log says it is."""
        lines = [line for path in self.work_dir.glob('*/vis_data/scalars.json')
                 for line in path.read_text(encoding='utf-8').splitlines() if line.endswith('}')]
        return max([json.loads(line).get('step', 0) for line in lines], default=0)

    def finished(self):
        """False while it runs; raises InputError when it ended without its checkpoint."""
        if self.process.poll() is None:
            return False
        if self.process.returncode or not self.checkpoint.exists():
            raise stopped(f'The training of {self.path.name}', self.process, self.log)
        return True


def train_side_by_side(runs):
    """Trains those of ``runs`` that are not trained yet, with the processors divided among them."""
    left = [run for run in runs if not run.checkpoint.exists()]
    if not left:
        print('trained already')
        return
    for run in left:
        run.start(max(1, (os.cpu_count() or 1) // len(left)))
    bar, done = ProgressBar(sum(run.iters for run in left)), 0
    try:
        while sum(run.finished() for run in left) < len(left):
            time.sleep(1)
            now = sum(run.iterations() for run in left)
            if now > done:
                bar.update(now - done)
                done = now
    finally:
        for run in left:
            if run.process.poll() is None:
                run.process.terminate()
                run.process.wait()
