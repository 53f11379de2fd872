"""`AtomicCheckpointHook`: checkpoints that are whole or not there, and a resume that passes over unreadable ones."""
import os
import re
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook

from mmfbr.files import InputError, atomic_path, write_text
from mmfbr.safe_loading import load_state


class AtomicBackend(LocalBackend):
    """mmengine's local files, written whole or not at all."""

    def put(self, obj, filepath):
        """Writes the bytes ``obj``; on the disk before they take the place of an older file."""
        with atomic_path(filepath) as temporary, open(temporary, 'wb') as stream:
            stream.write(obj)
            stream.flush()
            os.fsync(stream.fileno())


register_backend('mmfbr_atomic', AtomicBackend, force=True)


class AtomicCheckpointHook(CheckpointHook):
    """``CheckpointHook`` for trainings that may be killed at any moment.

    A checkpoint and the pointer ``last_checkpoint`` appear whole or not at all, and a checkpoint that is to make room
    goes after its successor has come. What a killed run left of either goes when the next one starts. ``--resume``
    without a path takes the newest checkpoint that can be read and says what it passed over; where none can be read it
    says so and training starts from the beginning.

    Args: as ``CheckpointHook``. A remote ``out_dir`` keeps the guarantees of its own storage.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.backend_args is None and self.file_client_args is None and '://' not in str(self.out_dir or ''):
            self.backend_args = dict(backend='mmfbr_atomic')

    def before_run(self, runner):
        """Chooses what an automatic resume continues from; mmengine loads it afterwards."""
        if not runner._resume or runner._load_from is not None:
            return
        choice = [self._choose(runner) if is_main_process() else None]
        broadcast_object_list(choice)
        path, start_over = choice[0]
        if path is not None:
            runner._load_from = path
        elif start_over:
            runner._resume = False

    def before_train(self, runner):
        """Removes what killed runs left: half written files here, outdated checkpoints in mmengine's own hook, which
        also removes what a resumed checkpoint calls outdated, or the best one so far: believed is only what can be a
        file of this run's folder."""
        hub, steps = runner.message_hub, 'keep_ckpt_ids'
        if steps in hub.runtime_info:
            hub.update_info(steps, [step for step in hub.get_info(steps) if isinstance(step, int)])
        super().before_train(runner)
        if self.save_best:
            self._put_best({key: path if self._is_own(path) else None for key, path in self._take_best().items()})
        if is_main_process():
            names = self.filename_tmpl.format('*'), 'best_*', 'last_checkpoint'
            for folder in {Path(self.out_dir), Path(runner.work_dir)}:
                for part in (part for name in names for part in folder.glob(f'.{name}.????????.part')):
                    part.unlink(missing_ok=True)

    def _is_own(self, path):
        return isinstance(path, str) and os.path.dirname(os.path.abspath(path)) == os.path.abspath(self.out_dir)

    def _choose(self, runner):
        """(newest readable checkpoint or None, whether there are unreadable ones only)."""
        candidates = self._candidates(Path(runner.work_dir))
        for path in candidates:
            try:
                load_state(path, 'The checkpoint')
                return str(path), False
            except InputError as error:
                runner.logger.warning(f'Passed over while resuming: {error}')
        if candidates:
            runner.logger.warning(f'No checkpoint in {runner.work_dir} can be read: training starts from the '
                                  'beginning.')
        return None, bool(candidates)

    def _candidates(self, work_dir):
        """The checkpoint that ``last_checkpoint`` points to, then all others of the folder, the last written first."""
        name = re.compile(re.escape(self.filename_tmpl).replace(r'\{\}', r'\d+'))
        pointer, target = work_dir / 'last_checkpoint', []
        if pointer.is_file():
            line = pointer.read_text(encoding='utf-8', errors='replace').partition('\n')[0]
            target = [Path(line)] if line.strip() else []
        folder = target[0].parent if target and target[0].parent.is_dir() else work_dir
        found = sorted((path for path in folder.iterdir() if name.fullmatch(path.name)),
                       key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return target + [path for path in found if path not in target]

    def _save_checkpoint_with_step(self, runner, step, meta):
        outdated = []
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            while len(self.keep_ckpt_ids) >= self.max_keep_ckpts:
                outdated.append(self.keep_ckpt_ids.popleft())
            self.keep_ckpt_ids.append(step)
            # As it is when this one has been written: a run that resumes from it removes those that are too many.
            runner.message_hub.update_info('keep_ckpt_ids', [*outdated, *self.keep_ckpt_ids])
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir, name, self.file_client_args, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta, by_epoch=self.by_epoch,
            backend_args=self.backend_args, **self.args)
        if not is_main_process():
            return
        write_text(Path(runner.work_dir) / 'last_checkpoint', self.last_ckpt)
        for old in outdated:
            self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old)))
        if outdated:
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _save_best_checkpoint(self, runner, metrics):
        if not self.save_best:
            return
        # mmengine removes the best one before it saves the better one: keep its path from it until then.
        before = self._take_best()
        super()._save_best_checkpoint(runner, metrics)
        after = self._take_best()
        for key, path in before.items():
            if after.get(key) is None:
                after[key] = path
            elif path is not None and path != after[key] and is_main_process():
                self._remove(path)
        self._put_best(after)

    def _put_best(self, best):
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = best.get(None)
        else:
            self.best_ckpt_path_dict = best

    def _take_best(self):
        """{indicator: path} of the best checkpoints, None as the key of a single one; forgets the paths."""
        if len(self.key_indicators) == 1:
            best, self.best_ckpt_path = {None: self.best_ckpt_path}, None
        else:
            best, self.best_ckpt_path_dict = self.best_ckpt_path_dict, dict.fromkeys(self.best_ckpt_path_dict)
        return best

    def _remove(self, path):
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):  # DeepSpeed's checkpoints are folders
            self.file_backend.rmtree(path)
