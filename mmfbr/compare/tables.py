"""A summary as Markdown."""
import math

import numpy as np

from .statistics import MEASURES
from .study import stem

MARK = '*'  # beside a difference whose intervals both leave out 0


def summary_text(summary):
    """The tables of a ``Summary``: what chose, then for each list overall numbers, seeds, and classes."""
    study = summary.study
    parts = [f'# {study.name}', _preface(summary)]
    shown = [name for name in study.variants if summary.seeds(name)]
    for entry in summary.lists:
        parts += [f'## {stem(entry)}', _main_table(summary, entry, shown), _measure_table(summary, entry, shown),
                  _seed_table(summary, entry, shown)]
        parts += [f'### {MEASURES[name].title} of each class\n\n' + _class_table(summary, entry, shown, name)
                  for name in ('iou', 'completeness', 'share', 'ratio')
                  if any(np.isfinite(summary.values(entry, variant)[name]).any() for variant in shown)]
    return '\n\n'.join(parts) + '\n'


def _preface(summary):
    study, truth = summary.study, summary.truth
    total = len(study.variants) * len(study.seeds)
    lines = [f'{len(summary.scored)} of {total} runs (variants times seeds) are finished.',
             f'The threshold of each run is the best of {len(study.thresholds)} on {stem(study.choose_on)}' + (
                 f', by images that its networks did not see ({study.folds} folds).' if study.folds else '.')]
    if study.hold_out:
        names, looks = ', '.join(map(stem, study.hold_out)), summary.harness.looks()
        lines.append(f'Held out, and used for no choice here: {names}. ' + (' '.join(
            f'First scored on {look["date"]}: {", ".join(look["variants"])}.' for look in looks) or
            'Not scored yet.'))
    lines.append('Differences are paired by seed. The first interval resamples seeds and images '
                 f'({summary.draws} draws), the second is the t interval over seeds; both hold 95 %. {MARK}: both '
                 'leave out 0.')
    pairs = [f'{name} {truth.all_classes[stuff]}' for name, stuff in zip(truth.classes, truth.companions, strict=True)
             if stuff >= 0]
    if pairs:
        lines.append(f'Accompanying stuff on {stem(study.choose_on)}: {", ".join(pairs)}.')
    return '\n\n'.join(lines)


def _main_table(summary, entry, shown):
    rows = [('variant', 'seeds', 'mean IoU (%)', 'sd', 'compared with', 'difference', '95 % seeds, images',
             '95 % t over seeds', 'threshold', 'pairing')]
    for name in shown:
        values = 100 * summary.values(entry, name)['iou']
        difference = summary.differences(entry, name).get('iou')
        rows.append((name, len(values), f'{values.mean():.2f}',
                     f'{values.std(ddof=1):.2f}' if len(values) > 1 else '-',
                     *((summary.study.variants[name].against, *_interval_cells(difference, MEASURES['iou']))
                       if difference else ('', '', '', '')),
                     _range(summary.threshold(name)), summary.pairing(name)))
    return markdown(rows)


def _measure_table(summary, entry, shown):
    names = [name for name in MEASURES if name != 'iou']
    rows = [('variant', *(f'{MEASURES[name].title}, difference, 95 %' for name in names))]
    for variant in shown:
        values, differences = summary.values(entry, variant), summary.differences(entry, variant)
        cells = []
        for name in names:
            measure = MEASURES[name]
            cell = number(np.mean(values[name]), measure)
            if differences and math.isfinite(differences[name].mean):
                middle, ends, _ = _interval_cells(differences[name], measure)
                cell += f'; {middle}; {ends}'
            cells.append(cell)
        rows.append((variant, *cells))
    return markdown(rows)


def _seed_table(summary, entry, shown):
    seeds = summary.study.seeds
    rows = [('mean IoU (%), difference', *(f'seed {seed}' for seed in seeds))]
    for variant in shown:
        values = dict(zip(summary.seeds(variant), summary.values(entry, variant)['iou'], strict=True))
        against = summary.study.variants[variant].against
        others = dict(zip(summary.seeds(against), summary.values(entry, against)['iou'], strict=True)
                      ) if against != variant and summary.seeds(against) else {}
        rows.append((variant, *(
            '-' if seed not in values else f'{100 * values[seed]:.2f}' + (
                f'; {100 * (values[seed] - others[seed]):+.2f}' if seed in others else '') for seed in seeds)))
    return markdown(rows)


def _class_table(summary, entry, shown, name):
    """A row a variant, a column a class: the number of what has nothing to be compared with, else the difference."""
    measure = MEASURES[name]
    classes = [index for index in range(len(summary.truth.classes)) if name == 'iou' or index in summary.truth.things]
    rows = [('variant', *(summary.truth.classes[index] for index in classes))]
    for variant in shown:
        of_class = summary.values(entry, variant)[f'class_{name}']
        differences = summary.differences(entry, variant).get(f'class_{name}')
        rows.append((variant, *(
            _marked(differences[index], measure) if differences else number(of_class[:, index].mean(), measure)
            for index in classes)))
    return markdown(rows)


def _interval_cells(difference, measure):
    return (_marked(difference, measure), *(
        ' to '.join(number(end, measure, signed=True) for end in ends) if all(map(math.isfinite, ends)) else '-'
        for ends in (difference.bootstrap, difference.student)))


def _marked(difference, measure):
    return number(difference.mean, measure, signed=True) + (MARK if difference.sign else '')


def number(value, measure, signed=False):
    """A value of a measure as its tables show it; a dash where it is undefined or infinite."""
    return f'{measure.factor * value:{"+" if signed else ""}.{measure.digits}f}' if math.isfinite(value) else '-'


def _range(values):
    low, high = min(values), max(values)
    return f'{low:g}' if low == high else f'{low:g} to {high:g}'


def markdown(rows):
    """A Markdown table whose source is aligned, too; the first row is the head."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ['| ' + ' | '.join(map(str.ljust, row, widths)) + ' |' for row in rows]
    lines.insert(1, '|' + '|'.join('-' * (width + 2) for width in widths) + '|')
    return '\n'.join(lines)
