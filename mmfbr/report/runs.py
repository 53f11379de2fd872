"""A finished training run as the report reads it: its config, its files, and the curves of its log."""
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmfbr.cam.work import read_note
from mmfbr.engine.load import read_config
from mmfbr.files import InputError, existing


@dataclass(frozen=True)
class Run:
    """A trained model and what was made with it.

    Attributes:
        name (str): as it is called on the page.
        config (str | Path | Config): what it was trained with.
        checkpoint (str | Path): the weights.
        work_dir (str | Path): with its log, ``DATE/vis_data/scalars.json``.
        cam_dir (str | Path): CAM files ``ID.npz`` that ``make_pseudo_masks`` made with the checkpoint.
    """
    name: str
    config: Any
    checkpoint: Any
    work_dir: Any
    cam_dir: Any

    def check(self):
        """Raises InputError when a file is missing, or the CAM files are of another checkpoint."""
        for path, what in ((self.checkpoint, 'checkpoint'), (self.work_dir, 'work dir'),
                           (self.cam_dir, 'folder of CAM files')):
            existing(path, f'The {what} of {self.name!r},')
        match self.cams_made_by.get('checkpoint'):
            case None:
                return
            case [str(other), int(written)]:
                pass
            case _:
                raise InputError(f'npz_made_by.json in {self.cam_dir} does not say which checkpoint the CAM files '
                                 'were made with. Make them again.')
        if os.path.exists(other):  # else it was moved, and there is nothing to compare with
            if not Path(other).samefile(self.checkpoint):
                raise InputError(f'The CAM files in {self.cam_dir} were made with {other}, not with {self.checkpoint}. '
                                 'Give the folder that belongs to the checkpoint, or make the files again.')
            if written != Path(other).stat().st_mtime_ns:
                raise InputError(f'The CAM files in {self.cam_dir} are older than {other}. Make them again.')

    def load_config(self, options=None):
        """The mmengine config, with ``options`` (dict) merged in; raises InputError when its file is missing."""
        if isinstance(self.config, (str, Path)):
            return read_config(self.config, f'The config of {self.name!r},', options)
        config = self.config.copy()
        config.merge_from_dict(options or {})
        return config

    @property
    def cams_made_by(self):
        """What ``make_pseudo_masks`` noted beside the CAM files (dict); empty when they came another way."""
        return read_note(self.cam_dir, 'npz') or {}

    @property
    def logs(self):
        """Folders ``DATE`` of the work dir that hold a log, the latest last; raises InputError when there is none."""
        logs = sorted(path.parents[1] for path in Path(self.work_dir).glob('*/vis_data/scalars.json'))
        if not logs:
            raise InputError(f'The work dir {self.work_dir} of {self.name!r} holds no DATE/vis_data/scalars.json; give '
                             'the folder that its training wrote its log to.')
        return logs

    def curves(self):
        """The logged numbers, {key: [(step, value), ...]}; of a run that was resumed, the steps that led to its end.

        Raises InputError when there is no log, or one that is not mmengine's.
        """
        rows = []
        for log in self.logs:
            later = _rows(log / 'vis_data' / 'scalars.json')
            if later:
                rows = [row for row in rows if row['step'] < later[0]['step']] + later
        curves = {}
        for row in rows:
            for key, value in row.items():
                if isinstance(value, (int, float)):
                    curves.setdefault(key, []).append((row['step'], value))
        return curves

    def facts(self):
        """[(what, text), ...]: where the run's numbers come from, as far as its files tell."""
        log, note = self.logs[-1], self.cams_made_by
        trained = _trained_config(log / 'vis_data' / 'config.py')
        path = self.config if isinstance(self.config, (str, Path)) else self.config.filename
        steps = [row['step'] for row in _rows(log / 'vis_data' / 'scalars.json')]
        return [('config', Path(path or '-').name),
                ('checkpoint', '/'.join(Path(self.checkpoint).parts[-2:])),
                ('log', '/'.join(log.parts[-2:])),
                ('iterations logged', max(steps, default='-')),
                ('batch size', _setting(trained, 'train_dataloader', 'batch_size')),
                ('seed', _setting(trained, 'randomness', 'seed')),
                ('trained on', _device(log)),
                ('CAM', _cams(note))]


def _rows(log):
    """The training records of a log; a last line that a stopped run left unfinished is passed over."""
    lines, rows = log.read_text(encoding='utf-8', errors='replace').splitlines(), []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if 'loss' in row:  # validation is logged in rows without
                rows.append({**row, 'step': int(row['step'])})
        except (ValueError, KeyError, TypeError) as error:
            if number < len(lines):
                raise InputError(f'Line {number} of {log} is not a record of mmengine ({error!r}); restore the file.'
                                 ) from error
    return rows


def _trained_config(path):
    """The config with all options of the command line, which mmengine keeps beside the log."""
    what = 'The config that the training left,'
    return read_config(path, what, import_custom_modules=False) if path.exists() else {}


def _setting(config, part, key):
    found = config.get(part)
    return found.get(key, '-') if isinstance(found, dict) else '-'


def _cams(note):
    if not note.keys() >= {'scales', 'flip', 'labels'} or not isinstance(note['scales'], list):
        return '-'
    return (f'scales {", ".join(map(str, note["scales"]))}; {"with" if note["flip"] else "without"} flip; classes from '
            f'{"the image-level labels" if note["labels"] else "the network"}')


def _device(log):
    """The GPU or "CPU", from the report on the system that mmengine begins its log with."""
    text = ''.join(path.read_text(encoding='utf-8', errors='replace')[:20_000] for path in log.glob('*.log'))
    gpu = re.search(r'^\s*GPU 0[\d,]*: (.+)$', text, re.MULTILINE)
    return gpu[1] if gpu else 'CPU' if 'CUDA available: False' in text else '-'
