"""Runs a study: every variant with every seed, several at a time, continuing where an earlier call stopped."""
import os
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import torch

from mmfbr.engine.memory import keep_memory
from mmfbr.files import InputError, read_json, read_lines, write_json, write_text

from .run import Run
from .study import stem
from .truth import Truth

LOOKS = 'held_out_looks.json'


@dataclass(frozen=True)
class Fold:
    """A part of a cross-validation: the list that is trained on, and the one that is scored."""
    number: int
    train_list: Path
    held_out_list: Path


class Harness:
    """The runs of a study in a folder.

    Args:
        study (Study): what is compared.
        out (str | Path): folder of all that is written.

    Raises:
        InputError: when the lists of the study do not fit each other or the data.
    """

    def __init__(self, study, out):
        self.study, self.out = study, Path(out).resolve()
        host = Run(study, study.variants[study.host], study.seeds[0], self.out)
        self.truth = Truth(study, host.config)
        self.truth.check_lists({name: Run(study, variant, study.seeds[0], self.out).config
                                for name, variant in study.variants.items()} if study.hold_out else {})
        self.folds = _folds(study, self.truth, self.out) if study.folds else [None]

    def runs(self, variants=(), seeds=()):
        """Of the named ``variants`` and ``seeds`` (none: all), seed by seed, so that pairs are complete early."""
        for what, given, known in (('variants', variants, [*self.study.variants]), ('seeds', seeds, self.study.seeds)):
            unknown = [str(entry) for entry in given if entry not in known]
            if unknown:
                raise InputError(f'The study has no {what} {", ".join(unknown)}; it has {", ".join(map(str, known))}.')
        return [run for seed in self.study.seeds if not seeds or seed in seeds
                for name in self.study.variants if not variants or name in variants
                for run in self.of(name, seed)]

    def of(self, variant, seed):
        """The runs, one a fold, of a variant's name with a seed."""
        return [Run(self.study, self.study.variants[variant], seed, self.out, fold) for fold in self.folds]

    def go(self, variants=(), seeds=(), final=False, jobs=1, threads=None, keep=False, say=print):
        """Finishes what is missing; a run that fails does not keep others from their end.

        Args:
            variants, seeds (Sequence): those to run; none: all.
            final (bool): score the held-out lists too.
            jobs (int): trainings at a time. threads (int | None): of each; None: the processors divided by ``jobs``.
            keep (bool): keep checkpoints.
            say (callable): is told what begins and how it ends.

        Raises:
            InputError: after all others, with what the failed runs said.
        """
        if jobs < 1 or (threads is not None and threads < 1):
            raise InputError(f'jobs and threads must be 1 or more; they are {jobs} and {threads}.')
        threads = threads or max(1, (os.cpu_count() or 1) // jobs)
        keep_memory()
        torch.set_num_threads(threads)
        lists = self.study.lists(final)
        for entry in lists:
            self.truth.check(self.truth.ids(entry))
        runs, stop, failed = self.runs(variants, seeds), threading.Event(), []
        with ThreadPoolExecutor(jobs) as pool:
            waiting = {pool.submit(run.finish, lists, self.truth, threads, stop, keep, say): run for run in runs}
            try:
                for future in as_completed(waiting):
                    try:
                        future.result()
                    except (InputError, OSError) as error:
                        failed.append(f'{waiting[future].name}: {error}')
                        say(f'{waiting[future].name} failed')
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
        if final:
            self._note_look([run.variant.name for run in runs if not run.missing(lists)])
        if failed:
            raise InputError(f'{len(failed)} of {len(runs)} runs failed; the same command tries them again.\n'
                             + '\n'.join(failed))

    def _note_look(self, variants):
        """Notes when the held-out images were first scored, and with what: a later variant may be chosen by it."""
        before = self.looks()
        new = [name for name in dict.fromkeys(variants) if not any(name in look['variants'] for look in before)]
        if new and self.study.hold_out:
            write_json(self.out / LOOKS, [*before, dict(date=date.today().isoformat(), variants=new)])

    def looks(self):
        """[{'date', 'variants'}, ...]: when each variant was first scored on the held-out images, the first first."""
        path = self.out / LOOKS
        return read_json(path, 'The note') if path.exists() else []

    def states(self, final=False):
        """[(name of a run, how far it is), ...]."""
        return [(run.name, run.state(self.study.lists(final))) for run in self.runs()]


def _folds(study, truth, out):
    """Writes the lists of a cross-validation: the images of ``choose_on``, dealt out in a fixed random order."""
    ids = truth.ids(study.choose_on)
    if len(ids) < study.folds:
        raise InputError(f'{study.choose_on} has {len(ids)} images for {study.folds} folds.')
    part = np.empty(len(ids), np.int64)
    part[np.random.default_rng(0).permutation(len(ids))] = np.arange(len(ids)) % study.folds
    folds = []
    for number in range(study.folds):
        names = [out / 'folds' / f'{stem(study.choose_on)}_{number}of{study.folds}_{what}.txt'
                 for what in ('train', 'held_out')]
        for path, wanted in zip(names, (part != number, part == number), strict=True):
            lines = [name for name, take in zip(ids, wanted, strict=True) if take]
            if not path.exists():
                write_text(path, '\n'.join(lines) + '\n')
            elif read_lines(path, 'The list') != lines:
                raise InputError(f'{path} was made of another {study.choose_on}. Choose another folder for the study.')
        folds.append(Fold(number, *names))
    return folds

