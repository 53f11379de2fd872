"""The threshold sweep as a picture."""
from mmfbr.files import InputError, atomic_path


def plot_sweep(path, sweep):
    """Writes mean IoU, precision and recall over the threshold as a PNG, with the best mean IoU marked.

    Args:
        path: the file, written whole or not at all.
        sweep: a ``Sweep``.

    Raises InputError without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError('The curve needs matplotlib: pip install matplotlib, or leave the curve out.') from error
    scores, best = sweep.scores, sweep.best
    figure = Figure(figsize=(6, 4), layout='constrained')
    FigureCanvasAgg(figure)  # a canvas of its own: pyplot's state and backend stay as the caller has them
    axes = figure.add_subplot(xlabel='background threshold', ylabel='%')
    for label, values, colour in (('mean precision', scores.mean_precision, '0.6'),
                                  ('mean recall', scores.mean_recall, '0.8'),
                                  ('mean IoU', scores.mean_iou, 'tab:blue')):
        axes.plot(sweep.thresholds, 100 * values, color=colour, label=label)
    top = 100 * scores.mean_iou[best]
    axes.plot(sweep.best_threshold, top, 'o', color='tab:blue')
    axes.annotate(f'{top:.1f} at {sweep.best_threshold:g}', (sweep.best_threshold, top), xytext=(0, -16),
                  textcoords='offset points', ha='center', color='tab:blue')  # IoU is the lowest curve: room below it
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format='png', dpi=150)
