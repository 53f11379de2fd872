"""What a study found: scores of every run, paired differences to the host with intervals, as tables and JSON."""
import math
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from mmfbr.evaluation import Evaluation, ImageCounts, StuffScores
from mmfbr.evaluation.confusion import json_number
from mmfbr.files import write_json, write_text

from .statistics import (
    MEASURES,
    bootstrap_differences,
    class_measures,
    image_parts,
    overall_measures,
    percentile_interval,
    t_interval,
)
from .study import stem

DRAWS = 2000


@dataclass(frozen=True, eq=False)
class Scored:
    """A variant with a seed: the position of its threshold, ``image_parts`` of each list, what its runs noted."""
    position: int
    parts: dict
    pairing: tuple


@dataclass(frozen=True, eq=False)
class Difference:
    """Of a measure between a variant and what it is compared with: the mean over seeds and how sure it is."""
    of_seeds: list
    bootstrap: tuple
    student: tuple

    @property
    def mean(self):
        return float(np.mean(self.of_seeds)) if len(self.of_seeds) else math.nan

    @property
    def sign(self):
        """1 or -1 where both intervals lie on that side of 0; else 0."""
        ends = (*self.bootstrap, *self.student)
        return 1 if all(end > 0 for end in ends) else -1 if all(end < 0 for end in ends) else 0

    def as_dict(self):
        return dict(mean=json_number(self.mean), of_seeds=[json_number(value) for value in self.of_seeds],
                    bootstrap_95=[json_number(end) for end in self.bootstrap],
                    t_95=[json_number(end) for end in self.student])


class Summary:
    """The finished runs of a study, scored.

    Args:
        harness (Harness): of the study.
        final (bool): with the held-out lists.
        draws (int): of the bootstrap.

    Raises:
        InputError: when a folder holds a run with other settings than the study's, or counts of other images.
    """

    def __init__(self, harness, final=False, draws=DRAWS):
        self.harness, self.study, self.truth, self.draws = harness, harness.study, harness.truth, draws
        self.lists, self.final = self.study.lists(final), final
        self.scored = {}
        for name in self.study.variants:
            for seed in self.study.seeds:
                runs = harness.of(name, seed)
                if not any(run.missing(self.lists) for run in runs):
                    self.scored[name, seed] = self._score(runs)

    def _score(self, runs):
        """``Scored`` of the runs of a variant and seed; writes ``scores.json`` in their folder."""
        study, truth = self.study, self.truth
        for run in runs:
            run.refuse_changes()
        counts = {entry: ImageCounts.joined([run.counts(entry, truth) for run in runs]) for entry in self.lists}
        sweep = counts[study.choose_on].sweep()
        parts, scores = {}, {}
        for entry, of_list in counts.items():
            confusions, stuff = of_list.confusions(sweep.best), of_list.stuff_confusions(sweep.best)
            parts[entry] = image_parts(confusions, stuff, truth.companions)
            found = Evaluation(truth.classes, len(of_list.ids), confusions.sum(0), sweep.best_threshold,
                               sweep if entry == study.choose_on else None, self._stuff(confusions, stuff))
            scores[stem(entry)] = {**found.as_dict(), 'measures': self._as_json(self._overall(parts[entry].sum(0)))}
        write_json(runs[0].folder.parent / 'scores.json' if study.folds else runs[0].folder / 'scores.json', dict(
            variant=runs[0].variant.name, seed=runs[0].seed, threshold=sweep.best_threshold,
            threshold_chosen_on=stem(study.choose_on), lists=scores, pairing=[run.pairing for run in runs],
            seconds_per_iteration=[run.seconds_per_iteration() for run in runs]))
        return Scored(sweep.best, parts, tuple(run.pairing for run in runs))

    def _stuff(self, confusions, stuff):
        if not self.truth.all_dir:
            return None
        return StuffScores(confusions.sum(0), stuff.sum(0), self.truth.together, self.truth.classes,
                           self.truth.all_classes, self.truth.bg_index)

    @staticmethod
    def _as_json(measures):
        return {name: json_number(value) for name, value in measures.items()}

    @cached_property
    def _overall(self):
        things = self.truth.things
        accompanied = [index for index in things if self.truth.companions[index] >= 0]
        return partial(overall_measures, things=things, accompanied=accompanied)

    def _measured(self, sums):
        """Overall measures, and under ``class_NAME`` those of each class."""
        return {**self._overall(sums), **{f'class_{name}': value for name, value in class_measures(sums).items()}}

    def seeds(self, variant):
        """Seeds with which a variant is finished."""
        return [seed for seed in self.study.seeds if (variant, seed) in self.scored]

    def values(self, entry, variant):
        """{measure: (S, ...)} of each finished seed of a variant on a list."""
        sums = np.stack([self.scored[variant, seed].parts[entry].sum(0) for seed in self.seeds(variant)])
        return self._measured(sums)

    def threshold(self, variant):
        """Those chosen, one a seed."""
        return [self.study.thresholds[self.scored[variant, seed].position] for seed in self.seeds(variant)]

    def differences(self, entry, variant):
        """{measure: Difference}, of ``class_NAME`` a list of one a class; {} without a common seed."""
        if (entry, variant) not in self._differences:
            self._differences[entry, variant] = self._compare(entry, variant)
        return self._differences[entry, variant]

    @cached_property
    def _differences(self):
        return {}

    def _compare(self, entry, variant):
        against = self.study.variants[variant].against
        seeds = [seed for seed in self.seeds(variant) if seed in self.seeds(against)]
        if not seeds or variant == against:
            return {}
        parts = [np.stack([self.scored[name, seed].parts[entry] for seed in seeds]) for name in (against, variant)]
        drawn = bootstrap_differences(*parts, self._measured, self.draws)
        host, own = (self._measured(part.sum(1)) for part in parts)
        found = {}
        for name in host:
            low, high = percentile_interval(drawn[name])
            with np.errstate(invalid='ignore'):
                gaps = own[name] - host[name]
            if gaps.ndim == 1:
                found[name] = Difference(gaps.tolist(), (float(low), float(high)), t_interval(gaps))
            else:
                found[name] = [Difference(gap.tolist(), ends, t_interval(gap))
                               for gap, ends in zip(gaps.T, zip(low, high, strict=True), strict=True)]
        return found

    def pairing(self, variant):
        """What the digests say of a variant and what it is compared with, in words; '' without a common seed."""
        against = self.study.variants[variant].against
        pairs = [(one, other) for seed in self.seeds(variant) if seed in self.seeds(against)
                 for one, other in zip(self.scored[variant, seed].pairing, self.scored[against, seed].pairing,
                                       strict=True)]
        if not pairs or variant == against:
            return ''
        if any(one is None or other is None for one, other in pairs):
            return 'unknown'
        said = [what for what, key in (('start', 'weights'), ('first batch', 'first_batch'), ('all batches', 'batches'))
                if all(one[key] == other[key] for one, other in pairs)]
        return 'same ' + (', '.join(said) if 'all batches' not in said else 'start and batches' if 'start' in said
                          else 'batches') if said else 'not paired'

    def as_dict(self):
        """For JSON: all numbers, in [0, 1] but for ratios."""
        study = self.study
        return dict(
            study=study.name, threshold_chosen_on=stem(study.choose_on), folds=study.folds,
            held_out=[stem(entry) for entry in study.hold_out], held_out_looks=self.harness.looks(),
            bootstrap_draws=self.draws, companions={
                name: self.truth.all_classes[stuff] for name, stuff in
                zip(self.truth.classes, self.truth.companions, strict=True) if stuff >= 0},
            variants={name: dict(
                against=study.variants[name].against, seeds=self.seeds(name), thresholds=self.threshold(name),
                pairing=self.pairing(name),
                lists={stem(entry): self._list_as_dict(entry, name) for entry in self.lists})
                for name in study.variants if self.seeds(name)})

    def _list_as_dict(self, entry, variant):
        values, differences = self.values(entry, variant), self.differences(entry, variant)
        content = {}
        for name in MEASURES:
            content[name] = dict(of_seeds=[json_number(value) for value in values[name]])
            of_class = values[f'class_{name}']
            content[name]['classes'] = {
                label: [json_number(value) for value in of_class[:, index]]
                for index, label in enumerate(self.truth.classes)}
            if differences:
                content[name]['difference'] = differences[name].as_dict()
                content[name]['difference_of_classes'] = {
                    label: difference.as_dict() for label, difference in
                    zip(self.truth.classes, differences[f'class_{name}'], strict=True)}
        return content

    def write(self):
        """Writes ``summary.json``, ``summary.md`` and the plots ``summary_LIST.png`` and ``.svg``; returns the text."""
        from .plot import plot_differences
        from .tables import summary_text
        text, out = summary_text(self), self.harness.out
        write_json(out / 'summary.json', self.as_dict())
        write_text(out / 'summary.md', text)
        for entry in self.lists:
            plot_differences([out / f'summary_{stem(entry)}.{ending}' for ending in ('png', 'svg')], self, entry)
        return text
