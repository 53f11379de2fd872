"""The differences of a study as a picture: a row a variant, a panel a measure."""
import math

import numpy as np

from mmfbr.figures import BLUE, INK, ORANGE, SOFT, drawing

from .statistics import MEASURES
from .study import stem

SHOWN = ('iou', 'completeness', 'share', 'ratio')
BETTER, WORSE, UNSURE = BLUE, ORANGE, SOFT
SHORT = {'iou': 'mean IoU', 'completeness': 'completeness', 'share': 'co-occurrence share', 'ratio': 'confusion ratio'}


def plot_differences(paths, summary, entry):
    """Writes the paired differences of each variant on a list; the ending of each path says the format.

    A dot a seed; a bar for the 95 % interval that resamples seeds and images, a thin line for the t interval over
    seeds, cut off where it would dwarf the rest; a tick at the mean. Blue where both lie on the better side of 0,
    orange on the worse, grey else. A variant that is compared with nothing, or has
    no seed in common with what it is compared with, has no row.

    Args:
        paths (list[Path]): the files, each whole or not at all.
        summary (Summary): of the study. entry (str): a list of it.

    Raises InputError without matplotlib.
    """
    rows = [name for name in summary.study.variants if summary.differences(entry, name)]
    panels = [name for name in SHOWN if any(
        math.isfinite(summary.differences(entry, row)[name].mean) for row in rows)] or ['iou']
    with drawing(paths, 1.6 + 2.5 * len(panels), 1.5 + 0.3 * max(len(rows), 2)) as figure:
        figure.suptitle(f'{summary.study.name}, {stem(entry)}: paired differences', x=0.01, ha='left', fontsize=11)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, name in zip(axes, panels, strict=True):
            _panel(axis, name, [summary.differences(entry, row)[name] for row in rows])
        axes[0].set_yticks(range(len(rows)), [_label(summary, row) for row in rows])
        axes[0].set_ylim(max(len(rows), 1) - 0.5, -0.5)


def _label(summary, name):
    against = summary.study.variants[name].against
    return name if against == summary.study.host else f'{name} (to {against})'


def _panel(axis, name, differences):
    measure = MEASURES[name]
    unit = ' (points)' if measure.factor == 100 else ''
    axis.set_title(f'{SHORT[name]}{unit}', fontsize=9, loc='left')
    axis.set_xlabel('lower is better' if measure.lower_is_better else 'higher is better', color=SOFT)
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.grid(axis='x', linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(length=0)
    axis.tick_params(axis='y', labelcolor=INK)
    axis.spines['left'].set_visible(False)
    for row, difference in enumerate(differences):
        if not math.isfinite(difference.mean):
            continue
        low, high = (measure.factor * end for end in difference.bootstrap)
        colour = UNSURE
        if difference.sign:
            colour = BETTER if (difference.sign > 0) != measure.lower_is_better else WORSE
        seeds = measure.factor * np.asarray(difference.of_seeds)
        axis.plot([low, high], [row, row], color=colour, linewidth=4, alpha=0.35, solid_capstyle='butt')
        axis.plot(seeds, np.full(len(seeds), row), 'o', color=colour, markersize=3.5, markeredgewidth=0)
        axis.plot([measure.factor * difference.mean] * 2, [row - 0.3, row + 0.3], color=colour, linewidth=2)
    axis.set_xlim(axis.get_xlim())
    for row, difference in enumerate(differences):
        axis.plot([measure.factor * end for end in difference.student], [row, row], color=UNSURE, linewidth=0.8)
