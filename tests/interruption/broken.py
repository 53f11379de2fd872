"""Breaks the package's promises one by one and shows that the kills notice: `python tests/interruption/broken.py`."""
import contextlib
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from kill import import_all


def breaks():
    """{what is broken: (subject, patches)}; the forks in which the tools run inherit them."""
    from mmengine.fileio import LocalBackend
    from mmengine.hooks import CheckpointHook, EMAHook, Hook
    from mmengine.optim import OptimWrapper
    from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
    from mmseg.evaluation import IoUMetric

    from mmfbr import files
    from mmfbr.cam.work import Job
    from mmfbr.core import NROIBank
    from mmfbr.engine import demo
    from mmfbr.hooks import AtomicCheckpointHook, StepSeedHook, atomic_checkpoint
    from mmfbr.models import FBRLoss
    nothing, save, make_bank, make_loss = (
        lambda *args, **kwargs: None, AtomicCheckpointHook._save_checkpoint_with_step, NROIBank.__init__,
        FBRLoss.__init__)
    process = IoUMetric.process

    def pointer_first(hook, runner, step, meta):
        path = Path(hook.out_dir, hook.filename_tmpl.format(step))
        files.write_text(Path(runner.work_dir, 'last_checkpoint'), str(path))
        save(hook, runner, step, meta)

    def old_first(hook, runner, step, meta):
        CheckpointHook._save_checkpoint_with_step(hook, runner, step, meta)

    def bank_apart(bank, *args, **kwargs):
        make_bank(bank, *args, **kwargs)
        bank._non_persistent_buffers_set.update(('bits', 'pointer', 'fill'))

    def steps_apart(loss, *args, **kwargs):
        make_loss(loss, *args, **kwargs)
        loss._non_persistent_buffers_set.add('steps')

    def over_again(hook, runner):
        runner._resume = False

    def in_place(metric, *args):
        metric.output_dir = metric.output_dir.removesuffix('/.test.part')
        process(metric, *args)

    @contextlib.contextmanager
    def path_itself(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        yield Path(path)

    def everywhere(name, replacement):
        return [patch.object(module, name, replacement) for module in list(sys.modules.values())
                if getattr(module, '__dict__', {}).get(name) is getattr(files, name)]

    hook, seed = AtomicCheckpointHook, StepSeedHook
    return {
        'checkpoints are written in place':
            ('checkpoint-writes', [patch.object(atomic_checkpoint.AtomicBackend, 'put', LocalBackend.put)]),
        'the pointer is written before its checkpoint':
            ('checkpoint-writes', [patch.object(hook, '_save_checkpoint_with_step', pointer_first)]),
        "mmengine's order: the old checkpoint goes first":
            ('checkpoint-writes', [patch.object(hook, '_save_checkpoint_with_step', old_first)]),
        'what killed trainings leave is not removed':
            ('checkpoint-writes', [patch.object(hook, 'before_train', CheckpointHook.before_train)]),
        '--resume starts over':
            ('train-iterations', [patch.object(hook, 'before_run', over_again)]),
        'no random numbers by iteration':
            ('train-iterations', [patch.object(seed, 'before_train_iter', Hook.before_train_iter)]),
        'no random numbers by epoch':
            ('train-epochs-alone', [patch.object(seed, 'before_train_epoch', Hook.before_train_epoch)]),
        'the bank is not in the state':
            ('train-iterations', [patch.object(NROIBank, '__init__', bank_apart)]),
        'the count of the warm-up is not in the state':
            ('train-iterations', [patch.object(FBRLoss, '__init__', steps_apart)]),
        'the optimizer is not resumed':
            ('train-iterations', [patch.object(OptimWrapper, 'load_state_dict', nothing)]),
        'the schedule is not resumed':
            ('train-iterations', [patch.object(_ParamScheduler, 'load_state_dict', nothing)]),
        'the averages are resumed as the weights':
            ('train-ema', [patch.object(EMAHook, 'after_load_checkpoint', nothing)]),
        'masks are written in place': ('masks-none', everywhere('atomic_path', path_itself)),
        'instances are written in place': ('instances', everywhere('atomic_path', path_itself)),
        'scores are written in place': ('evaluation-masks', everywhere('atomic_path', path_itself)),
        'tests write their masks in place': ('evaluation-test', [patch.object(IoUMetric, 'process', in_place)]),
        'finished masks are made again': ('masks-none', [patch.object(Job, 'wants_mask', True)]),
        'temporary files are left': ('instances', everywhere('clear_parts', nothing)),
        'trainings go on without the demo': ('demo', [patch.object(demo, '_end_with_parent', nothing)]),
    }


def main():
    import_all()
    from subjects import SUBJECTS, World
    from trials import examine
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        assert world.cams() and world.masks  # made before anything is broken
        for what, (name, patches) in breaks().items():
            if sys.argv[1:] and not any(word in what for word in sys.argv[1:]):
                continue
            subject = SUBJECTS[name](world)
            with contextlib.ExitStack() as stack:
                for part in patches:
                    stack.enter_context(part)
                result = examine(subject, 30, 0)
            missed += not result.problems
            noticed = result.problems[0].splitlines()[0] if result.problems else 'NOT NOTICED'
            print(f'{what} | {name} | kill {result.kills} | {noticed}', flush=True)
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
