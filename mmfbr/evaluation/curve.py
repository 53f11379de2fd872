"""The threshold sweep as a picture."""
from mmfbr.figures import BLUE, SOFT, drawing


def plot_sweep(path, sweep):
    """Writes mean IoU, precision and recall over the threshold as a picture, with the best mean IoU marked.

    Args:
        path: the file, written whole or not at all; its ending says the format.
        sweep: a ``Sweep``.

    Raises InputError without matplotlib.
    """
    scores, best = sweep.scores, sweep.best
    top = 100 * scores.mean_iou[best]
    with drawing([path], 6, 4, font_size=10) as figure:
        axes = figure.add_subplot(xlabel='background threshold', ylabel='%')
        for label, values, colour, style in (
                ('mean precision', scores.mean_precision, SOFT, '-'), ('mean recall', scores.mean_recall, SOFT, '--'),
                ('mean IoU', scores.mean_iou, BLUE, '-')):
            axes.plot(sweep.thresholds, 100 * values, style, color=colour, label=label)
        axes.plot(sweep.best_threshold, top, 'o', color=BLUE)
        axes.annotate(f'{top:.1f} at {sweep.best_threshold:g}', (sweep.best_threshold, top), xytext=(0, -16),
                      textcoords='offset points', ha='center', color=BLUE)  # IoU is the lowest curve: room below it
        axes.set_ylim(0, 100)
        axes.grid(linewidth=0.5)
        axes.legend()
