"""`AtomicCheckpointHook`: whatever moment a training is stopped at, a checkpoint is left to continue from."""
import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub
from mmengine.runner import save_checkpoint
from torch import nn

from mmfbr.hooks import AtomicCheckpointHook, atomic_checkpoint


class Log:
    """A logger that keeps its lines."""

    def __init__(self):
        self.lines = []

    def warning(self, line):
        self.lines.append(line)

    info = warning


class FakeRunner(SimpleNamespace):
    """What the hook uses of mmengine's runner."""

    def __init__(self, work_dir):
        super().__init__(work_dir=str(work_dir), _resume=True, _load_from=None, logger=Log(), iter=0, epoch=0,
                         message_hub=MessageHub.get_instance(f'checkpoint_{os.urandom(4).hex()}'))

    def save_checkpoint(self, out_dir, filename, *args, backend_args=None, **kwargs):
        save_checkpoint(dict(state_dict=dict(step=torch.tensor(self.iter))), f'{out_dir}/{filename}',
                        backend_args=backend_args)


@pytest.fixture
def run(tmp_path):
    """(runner, hook, save): ``save(step)`` writes the checkpoint of an iteration as training does."""
    def start(**options):
        hook, runner = AtomicCheckpointHook(by_epoch=False, interval=1, **options), FakeRunner(tmp_path)
        hook.before_train(runner)

        def save(step):
            runner.iter = step - 1
            hook._save_checkpoint(runner)
        return runner, hook, save
    return start


def resumed(runner, hook):
    """Name of what an automatic resume would continue from, None for a start from the beginning."""
    hook.before_run(runner)
    return runner._load_from and os.path.basename(runner._load_from)


def interrupted(*args, **kwargs):
    raise KeyboardInterrupt


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_is_mmengines_hook_with_its_arguments():
    hook = AtomicCheckpointHook(interval=7, by_epoch=False, max_keep_ckpts=2)
    assert isinstance(hook, CheckpointHook)
    assert (hook.interval, hook.max_keep_ckpts, hook.filename_tmpl) == (7, 2, 'iter_{}.pth')


def test_a_write_that_stops_leaves_the_old_file_and_the_old_pointer(run, tmp_path, monkeypatch):
    runner, hook, save = run(max_keep_ckpts=1)
    save(1)
    monkeypatch.setattr(atomic_checkpoint.os, 'fsync', interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(2)
    assert names(tmp_path) == ['iter_1.pth', 'last_checkpoint']
    assert resumed(runner, hook) == 'iter_1.pth'


def test_old_checkpoints_go_after_the_new_one_has_come(run, tmp_path, monkeypatch):
    runner, hook, save = run(max_keep_ckpts=2)
    for step in (1, 2, 3):
        save(step)
    assert names(tmp_path) == ['iter_2.pth', 'iter_3.pth', 'last_checkpoint']
    assert runner.message_hub.get_info('keep_ckpt_ids') == [2, 3]
    monkeypatch.setattr(atomic_checkpoint, 'write_text', interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(4)
    assert names(tmp_path) == ['iter_2.pth', 'iter_3.pth', 'iter_4.pth', 'last_checkpoint']
    assert resumed(runner, hook) == 'iter_3.pth'


def test_next_run_removes_what_a_killed_one_left(run, tmp_path, monkeypatch):
    runner, hook, save = run(max_keep_ckpts=1)
    save(1)
    monkeypatch.setattr(hook, '_remove', interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(2)
    for name in ('.iter_3.pth.abcd1234.part', '.last_checkpoint.abcd1234.part', '.best_mIoU_iter_2.pth.abcd1234.part',
                 '.other.abcd1234.part'):
        (tmp_path / name).touch()
    hook.before_train(runner)  # with the message hub that was saved in iter_2.pth
    assert names(tmp_path) == ['.other.abcd1234.part', 'iter_2.pth', 'last_checkpoint']


@pytest.mark.parametrize('damage', ['cut', 'empty', 'text', 'missing'])
def test_an_unreadable_checkpoint_is_passed_over_with_a_message(run, tmp_path, damage):
    runner, hook, save = run()
    save(9), save(10)
    last = tmp_path / 'iter_10.pth'
    if damage == 'missing':
        last.unlink()
    else:
        last.write_bytes({'cut': last.read_bytes()[:-200], 'empty': b'', 'text': b'no checkpoint'}[damage])
    assert resumed(runner, hook) == 'iter_9.pth'
    assert len(runner.logger.lines) == 2 and str(last) in runner.logger.lines[1]


def test_a_checkpoint_that_would_run_code_is_passed_over(run, tmp_path):
    runner, hook, save = run()
    save(1), save(2)
    torch.save(dict(state_dict=nn.Linear(1, 1)), tmp_path / 'iter_2.pth')
    assert resumed(runner, hook) == 'iter_1.pth'


def test_without_a_readable_one_training_starts_over_and_says_so(run, tmp_path):
    runner, hook, save = run()
    save(1)
    (tmp_path / 'iter_1.pth').write_bytes(b'')
    assert resumed(runner, hook) is None
    assert runner._resume is False and 'from the beginning' in runner.logger.lines[-1]


@pytest.mark.parametrize('pointer', ['', '\n', '/nowhere/iter_2.pth'])
def test_an_empty_or_stale_pointer_does_not_hide_the_checkpoints(run, tmp_path, pointer):
    runner, hook, save = run()
    save(1), save(2)
    (tmp_path / 'last_checkpoint').write_text(pointer)
    assert resumed(runner, hook) == 'iter_2.pth'


def test_the_pointer_counts_more_than_an_older_run_in_the_same_folder(run, tmp_path):
    runner, hook, save = run()
    save(200)
    save(3)
    assert resumed(runner, hook) == 'iter_3.pth'


def test_an_empty_folder_and_a_named_checkpoint_are_left_to_mmengine(run, tmp_path):
    runner, hook, save = run()
    assert resumed(runner, hook) is None and runner._resume is True
    save(1)
    runner._load_from = 'mine.pth'
    assert resumed(runner, hook) == 'mine.pth'


@pytest.mark.parametrize('indicators', ['mIoU', ['mIoU', 'mAcc']])
def test_the_best_checkpoint_goes_after_the_better_one_has_come(run, tmp_path, monkeypatch, indicators):
    runner, hook, save = run(save_best=indicators)

    def validate(step, value):
        runner.iter = step
        hook.after_val_epoch(runner, dict(mIoU=value, mAcc=1 - value))
    save(1), validate(1, .3)
    assert (tmp_path / 'best_mIoU_iter_1.pth').is_file()
    validate(2, .2)
    assert (tmp_path / 'best_mIoU_iter_1.pth').is_file() and not (tmp_path / 'best_mIoU_iter_2.pth').exists()
    assert (tmp_path / 'best_mAcc_iter_2.pth').is_file() == (indicators != 'mIoU')
    with monkeypatch.context() as patch:
        patch.setattr(atomic_checkpoint.os, 'fsync', interrupted)
        with pytest.raises(KeyboardInterrupt):
            validate(3, .4)
    assert (tmp_path / 'best_mIoU_iter_1.pth').is_file()
    runner, hook, save = run(save_best=indicators)  # as a resumed run does, with the hub of its checkpoint
    runner.message_hub.update_info(*(('best_ckpt' if indicators == 'mIoU' else 'best_ckpt_mIoU'),
                                     str(tmp_path / 'best_mIoU_iter_1.pth')))
    hook.before_train(runner)
    save(4), validate(4, .5)
    assert [name for name in names(tmp_path) if 'mIoU' in name] == ['best_mIoU_iter_4.pth']


def test_a_remote_folder_keeps_its_own_backend():
    assert AtomicCheckpointHook(out_dir='s3://bucket/run').backend_args is None
    assert AtomicCheckpointHook(backend_args=dict(backend='local')).backend_args == dict(backend='local')
