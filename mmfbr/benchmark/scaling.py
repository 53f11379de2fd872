"""How the cost of a step grows: each axis of its size varied alone, as a table and plots."""
from dataclasses import replace
from pathlib import Path

import torch

from mmfbr.figures import BLUE, INK, ORANGE, SOFT, VIOLET, drawing
from mmfbr.files import write_json, write_text

from .clock import in_turns, now
from .measure import Step, Workload, peak_memory

# Up to 50 000 queries need more pixels than the foundation has. On 128 x 128, where its other costs lie far below,
# once with the default cap and once without.
LARGE = Workload(size=128, channels=64, cap=50_000)
AXES = {
    'size': ('side of the feature map', Workload(), 'size', (16, 32, 64, 128)),
    'images': ('images of a batch', Workload(), 'images', (1, 4, 16, 64)),
    'classes': ('classes', Workload(), 'classes', (2, 6, 21, 60, 171)),
    'queries': ('queries, 128 x 128', LARGE, 'queries', (2000, 8000, 20_000, 50_000)),
    'capped': ('queries found, at most 8192 taken, 128 x 128', replace(LARGE, cap=8192), 'queries',
               (2000, 8000, 20_000, 50_000)),
    'pixels': ('pixels read of an image', Workload(), 'pixels', (32, 128, 512, 1024)),
    'bank': ('entries of the bank', Workload(), 'bank', (1000, 10_000, 50_000, 500_000)),
}
SLOW_LIMIT = 20_000  # queries; beyond them the straightforward program takes longer than all else here
SERIES = {'total': ('all of FBR', BLUE, '-'), 'rest': ('without the projection', BLUE, '--'),
          'S': ('passes over S', ORANGE, '-'), 'products': ('bare products', SOFT, ':'),
          'straightforward': ('straightforward', VIOLET, '-')}


def measure_scaling(axes=AXES, repeats=3, slow_limit=SLOW_LIMIT, report=print):
    """{axis: rows}: of each point its milliseconds by ``SERIES`` and the peak memory in MiB.

    Args:
        axes (dict): name to (label, Workload, field of it, its values).
        repeats (int): times are medians of so many rounds; the straightforward program, where it runs, has one.
        slow_limit (int): queries beyond which it does not run.
        report (function): told of each point as it is done.
    """
    found = {}
    for name, (label, work, field, values) in axes.items():
        found[name] = []
        for value in values:
            point = replace(work, **{field: value})
            found[name].append({'value': value, **measure_point(point, repeats, point.queries <= slow_limit)})
            report(f'{label} {value}: {found[name][-1]["total"]:.1f} ms')
    return found


def measure_point(work, repeats, slow):
    """Milliseconds by ``SERIES``, number of queries and MiB of one ``Workload``; ``slow``: of the straightforward
    program, too."""
    step = Step(work)
    products = step.products()
    runs = {'total': step.fast, 'projection': step.projection, 'S': step.scores, **{
        f'products {name}': function for name, function in products.items()}}
    ms = {name: 1000 * seconds for name, seconds in in_turns(runs, repeats, work.device).items()}
    ms['products'] = ms.pop('products projection') + ms.pop('products other')
    ms['rest'] = ms['total'] - ms['projection']
    if slow:  # once: it is long, and all that it calls has run
        start = now(work.device)
        step.slow()
        ms['straightforward'] = 1000 * (now(work.device) - start)
    return {**ms, 'queries': step.candidates(), 'memory': peak_memory(work)}


def write_scaling(folder, found, axes=AXES):
    """Writes ``scaling.json``, ``scaling.md`` and ``scaling.svg`` into ``folder``, each whole or not at all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / 'scaling.json', {'threads': torch.get_num_threads(), 'torch': torch.__version__, 'axes': found})
    write_text(folder / 'scaling.md', table(found, axes) + '\n')
    plot(folder / 'scaling.svg', found, axes)


def table(found, axes=AXES):
    """A Markdown table of all points."""
    lines = ['| varied | | queries | all of FBR, ms | without the projection, ms | passes over S, ms | neither, ms | '
             'products, ms | straightforward | memory, MiB |', '|---|' + '---:|' * 9]
    for name, rows in found.items():
        for row in rows:
            slow = f'{row["straightforward"] / row["total"]:.0f} times' if 'straightforward' in row else ''
            memory = '' if row['memory'] is None else f'{row["memory"]:.0f}'
            lines.append(f'| {axes[name][0]} | {row["value"]} | {row["queries"]} | {row["total"]:.1f} | '
                         f'{row["rest"]:.1f} | {row["S"]:.1f} | {row["rest"] - row["S"]:.1f} | {row["products"]:.1f} | '
                         f'{slow} | {memory} |')
    return '\n'.join(lines)


def spread(rows):
    """Largest by smallest time outside of the passes over S along an axis, minus 1."""
    times = [row['total'] - row['S'] for row in rows]
    return max(times) / min(times) - 1


def plot(path, found, axes=AXES):
    """Times above and memory below, a column an axis; the ending of ``path`` says the format.

    Raises InputError without matplotlib.
    """
    with drawing([path], 2.2 * len(found) + 0.6, 4.6, font_size=8) as figure:
        grid = figure.subplots(2, len(found), sharey='row', squeeze=False)
        for (times, memory), (name, rows) in zip(grid.T, found.items(), strict=True):
            values = [row['value'] for row in rows]
            for key, (label, colour, style) in SERIES.items():
                points = [(row['value'], row[key]) for row in rows if key in row]
                times.plot(*zip(*points, strict=True), style, marker='o', markersize=2.5, color=colour, label=label)
            memory.plot(values, [row['memory'] or float('nan') for row in rows], '-o', markersize=2.5, color=INK)
            memory.set_xlabel(axes[name][0].replace(', at', ',\nat'))
            for axis in (times, memory):
                axis.set_xscale('log')
                axis.set_yscale('log')
                axis.set_xticks(values, [f'{value // 1000}k' if value >= 1000 else str(value) for value in values])
                axis.minorticks_off()
                axis.grid(linewidth=0.5)
        grid[0, 0].set_ylabel('milliseconds')
        grid[1, 0].set_ylabel('peak memory, MiB')
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc='outside upper left', ncols=len(SERIES))
