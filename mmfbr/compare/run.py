"""One training of a study: its folder, how far it is, and the steps that finish it."""
import fcntl
import json
import os
import signal
import threading
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from mmfbr.cam.inference import CamSettings
from mmfbr.cam.pseudo_masks import MaskMaker
from mmfbr.cam.sources import image_label_dataset
from mmfbr.cam.work import groups_of, jobs_of
from mmfbr.engine.child import start_tool, stopped
from mmfbr.engine.publish import publish
from mmfbr.engine.schedule import scaled_schedule
from mmfbr.evaluation import ImageCounts
from mmfbr.files import InputError, read_object, write_text
from mmfbr.report.runs import Run as LoggedRun

from .study import stem

BATCH = 4  # images that go through the network together, as make_pseudo_masks has it
counting = threading.Lock()  # one network at a time in the memory of this process


class Stopped(Exception):
    """The study was told to end while this run was under way."""


class Run:
    """The training of a variant with a seed, of a fold where the study has folds.

    Its folder holds ``config.py`` (all settings: what the training is started with), ``output.log``, ``train`` (the log
    and, until it is trained, checkpoints), ``weights.pth`` and ``counts/LIST.npz``.

    Args:
        study (Study), variant (Variant), seed (int): which.
        out (Path): folder of the study.
        fold (Fold | None): its lists.
    """

    def __init__(self, study, variant, seed, out, fold=None):
        self.study, self.variant, self.seed, self.fold = study, variant, seed, fold
        self.name = f'{variant.name}/seed{seed}' + (f'/fold{fold.number}' if fold else '')
        self.folder = Path(out, 'runs', self.name)
        self.weights, self.work_dir = self.folder / 'weights.pth', self.folder / 'train'

    @cached_property
    def config(self):
        """The mmengine config with all settings of the study in it."""
        config, variant = self.study.base_config(self.variant.config), self.variant
        options = scaled_schedule(config, variant.iterations) if variant.iterations else {}
        try:
            config.merge_from_dict({**options, **variant.options, 'randomness.seed': self.seed})
        except (KeyError, IndexError, TypeError) as error:
            raise InputError(f'The options of the variant {variant.name} do not fit its config: {error}') from error
        if self.fold:
            dataset = config.train_dataloader.dataset
            while 'dataset' in dataset:
                dataset = dataset.dataset
            dataset.ann_file = str(self.fold.train_list)
        imports = config.get('custom_imports') or dict(imports=[])
        config.custom_imports = dict(imports=[*imports['imports'], 'mmfbr.compare.pairing'])
        config.custom_hooks = [*(config.get('custom_hooks') or []), dict(type='PairingHook')]
        config.pop('work_dir')  # said when it is trained: the study's folder may be moved
        return config

    @property
    def image_lists(self):
        """{name of a list of the study: the list of images to count for it}."""
        study = self.study
        return {entry: str(self.fold.held_out_list) if self.fold else entry for entry in study.lists(final=True)}

    def counts_path(self, image_list):
        return self.folder / 'counts' / f'{stem(image_list)}.npz'

    @property
    def pairing(self):
        """What ``PairingHook`` noted (dict), or None before the training is over."""
        path = self.work_dir / 'pairing.json'
        return read_object(path, 'The note') if path.exists() else None

    def missing(self, lists):
        """Those of ``lists`` that are not counted yet."""
        return [entry for entry in lists if not self.counts_path(entry).exists()]

    def changes(self):
        """Settings that are not those the folder's files were made with, as dotted keys."""
        path = self.folder / 'config.py'
        if not path.exists():
            return []
        from mmengine.config import Config
        before = Config.fromfile(path, import_custom_modules=False).to_dict()
        return differing(_plain(before), _plain(self.config.to_dict()))

    def refuse_changes(self):
        """InputError when the settings of the variant are not those of the files in the folder."""
        changes = self.changes()
        if changes:
            more = f' and {len(changes) - 3} more' if len(changes) > 3 else ''
            raise InputError(f'{self.folder} holds a run of {self.variant.name} with other settings: '
                             f'{", ".join(changes[:3])}{more}. Give the changed variant another name, or delete the '
                             'folder.')

    def state(self, lists):
        """How far it is, in words."""
        changes = self.changes()
        if changes:
            return f'made with other settings: {", ".join(changes[:3])}'
        if self._is_locked():
            return 'under way'
        missing = [stem(entry) for entry in self.missing(lists)]
        if not missing:
            return 'finished'
        if self.weights.exists() or self.pairing:
            return f'trained, to be scored on {", ".join(missing)}'
        if (self.work_dir / 'last_checkpoint').exists():
            return f'stopped after {Path((self.work_dir / "last_checkpoint").read_text()).stem}'
        return 'begun' if self.folder.exists() else 'not begun'

    def finish(self, lists, truth, threads, stop, keep=False, say=lambda text: None):
        """Trains and counts what is missing of ``lists``.

        Args:
            truth (Truth): of the study. threads (int): of the training.
            stop (threading.Event): ends the run early; raises Stopped.
            keep (bool): keep the checkpoints beside the bare weights.
            say (callable): is told what begins.

        Raises:
            InputError: when the training stops with an error, or the folder's files were made with other settings.
        """
        with self._lock(stop, say) as lock:
            self.refuse_changes()
            missing = self.missing(lists)
            if missing and not self.weights.exists():
                if self.pairing is None:  # else trained, and killed before its weights were written
                    say(f'{self.name}: training')
                    self._train(threads, stop, lock)
                publish(self._last_checkpoint(), self.weights)
            if missing:
                say(f'{self.name}: scoring on {", ".join(map(stem, missing))}')
                with counting:
                    self._count(missing, truth, stop)
            if not keep and self.weights.exists():
                for checkpoint in [*self.work_dir.glob('*.pth'), self.work_dir / 'last_checkpoint']:
                    checkpoint.unlink(missing_ok=True)

    def _is_locked(self):
        if not (self.folder / 'lock').exists():
            return False
        with open(self.folder / 'lock', encoding='utf-8') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    @contextmanager
    def _lock(self, stop, say):
        """A lock on the folder, which the training holds too: one that outlives a killed study is waited for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / 'lock', 'a', encoding='utf-8') as lock:
            waited = False
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if not waited:
                        say(f'{self.name}: another process is at it; waiting for its end')
                    waited = True
                    if stop.wait(1):
                        raise Stopped from None
            yield lock

    def _train(self, threads, stop, lock):
        path, log = self.folder / 'config.py', self.folder / 'output.log'
        if not path.exists():
            write_text(path, f'# {self.name} of the study {self.study.name}\n{self.config.pretty_text.rstrip()}\n')
        process = start_tool('train.py', path, '--work-dir', self.work_dir, '--resume', log=log,
                             pass_fds=(lock.fileno(),), own_group=True, OMP_NUM_THREADS=str(threads))
        try:
            while process.poll() is None:
                if stop.wait(0.2):
                    raise Stopped
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)  # its loading workers, too, which hold the lock
                process.wait()
        if process.returncode or not self.pairing:
            raise stopped(f'The training of {self.name}', process, log)

    def _last_checkpoint(self):
        return self.work_dir / Path((self.work_dir / 'last_checkpoint').read_text(encoding='utf-8').strip()).name

    def _count(self, lists, truth, stop):
        settings, model = CamSettings(**self.config.get('cam_cfg', {})), None
        for entry in lists:
            dataset = image_label_dataset(self.config, self.image_lists[entry])
            if list(dataset.metainfo['classes']) != truth.classes:
                raise InputError(f'The classes of the variant {self.variant.name} are not those of the study.')
            jobs = jobs_of(dataset)
            maker = MaskMaker(self.config, self.weights, dataset, settings, model=model)
            found = maker.each(groups_of(jobs, settings, BATCH), truth.cells, lambda jobs: _until(stop, jobs))
            model = maker.model
            ImageCounts.of([job.image_id for job in jobs], found, self.study.thresholds, len(truth.classes),
                           len(truth.all_classes), truth.bg_index).save(self.counts_path(entry))

    def counts(self, entry, truth):
        """The ``ImageCounts`` of a list; InputError when they were made with other images or thresholds."""
        path = self.counts_path(entry)
        counts = ImageCounts.load(path)
        wrong = [what for what, one, other in (
            ('images', sorted(counts.ids), sorted(truth.ids(self.image_lists[entry]))),
            ('thresholds', counts.thresholds.tolist(), list(self.study.thresholds)),
            ('all-class list', counts.num_all, len(truth.all_classes))) if one != other]
        if wrong:
            raise InputError(f'{path} was made with other {", ".join(wrong)} than the study has now. Delete it, and it '
                             'is made again from the weights.')
        return counts

    def seconds_per_iteration(self):
        """Median over the log of what an iteration took; None without a log."""
        logged = LoggedRun(self.name, self.config, None, self.work_dir, None).curves()
        times = sorted(seconds for _, seconds in logged.get('time', ()))
        return times[len(times) // 2] if times else None


def differing(before, now, prefix=''):
    """Dotted keys under which two nested dicts and lists differ, ascending; lists of other lengths differ as such."""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        before, now = dict(enumerate(before)), dict(enumerate(now))
    if isinstance(before, dict) and isinstance(now, dict):
        return sorted(key for name in {*before, *now} for key in differing(
            before.get(name, _plain), now.get(name, _plain), f'{prefix}.{name}' if prefix else str(name)))
    return [] if before == now else [prefix]


def _plain(config):
    return json.loads(json.dumps(config, default=str))


def _until(stop, items):
    for item in items:
        if stop.is_set():
            raise Stopped
        yield item
