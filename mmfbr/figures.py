"""Plots by matplotlib, no dependency: one look for all, a canvas of their own, files whole or not at all."""
from contextlib import contextmanager
from pathlib import Path

from .files import InputError, atomic_path

INK, SOFT, LINE = '#1b1e23', '#59616d', '#d8dce2'
BLUE, ORANGE, VIOLET = '#0b62a8', '#bf4a00', '#8a3ffc'


def new_figure(width, height):
    """An empty ``Figure``, inches, that leaves pyplot's state and backend as the caller has them.

    Raises InputError without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError('The plot needs matplotlib: pip install matplotlib') from error
    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def check_ending(path):
    """Raises InputError unless the name of a plot says its format."""
    if Path(path).suffix not in ('.png', '.svg', '.pdf'):
        raise InputError(f'{path}: the name of a plot ends in .png, .svg or .pdf.')


@contextmanager
def drawing(paths, width, height, font_size=9):
    """Yields a ``Figure`` to draw on, which is then written to each of ``paths`` in the format of its ending, the same
    bytes each time.

    Raises InputError without matplotlib, and as ``check_ending``.
    """
    for path in paths:
        check_ending(path)
    figure = new_figure(width, height)
    import matplotlib
    with matplotlib.rc_context({'font.size': font_size, 'svg.hashsalt': 'mmfbr', 'text.color': INK,
                                'axes.labelcolor': INK, 'xtick.color': SOFT, 'ytick.color': SOFT,
                                'axes.edgecolor': LINE, 'grid.color': LINE, 'legend.frameon': False,
                                'axes.spines.top': False, 'axes.spines.right': False}):
        yield figure
        for path in map(Path, paths):
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=path.suffix[1:], dpi=150,
                               metadata=dict(Date=None) if path.suffix == '.svg' else None)
