"""Line charts as inline SVG: no library, colours and text taken from the page's style."""
import math
from dataclasses import dataclass

from .markup import join, tag

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 10, 34  # margins around the plot, room for the numbers


@dataclass(frozen=True)
class Series:
    """One line: its name, its points [(x, y), ...] with ascending x, and an x at which it carries a mark."""
    name: str
    points: list
    mark: float | None = None

    @property
    def finite(self):
        return [(x, y) for x, y in self.points if math.isfinite(y)]


def line_chart(title, series, x_label):
    """A figure with up to four lines, told apart by colour and dashes; the y axis starts at 0 or at a negative value.

    A value that is NaN or infinite leaves a gap in its line; a point without neighbours is drawn as a dot. Series
    without any finite value are left out; without a series the figure says that there is nothing to show.
    """
    series = [line for line in series if line.finite]
    if not series:
        return tag('figure', tag('figcaption', title), tag('p', 'Nothing was logged.', class_='note'), class_='chart')
    points = [point for line in series for point in line.finite]
    plot = _Plot(_span([x for x, _ in points]), _span([0, *(y for _, y in points)]))
    drawing = tag('svg', tag('title', f'{title}: {_summary(series)}'), _axes(plot, x_label),
                  [_line(plot, line, number) for number, line in enumerate(series, 1)],
                  viewBox=f'0 0 {WIDTH} {HEIGHT}', role='img')
    return tag('figure', tag('figcaption', tag('b', title), _legend(series)), drawing, class_='chart')


def ticks(low, high, most=5):
    """Ascending round numbers (1, 2 or 5 times a power of ten apart), at most ``most`` of them, within [low, high]."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    while math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) + 1 > most:
        step *= 2.5 if f'{step:e}'.startswith('2') else 2
    first = math.ceil(low / step - 1e-9)
    return [round((first + i) * step, 12) for i in range(math.floor(high / step + 1e-9) - first + 1)]


@dataclass(frozen=True)
class _Plot:
    """Where numbers lie in the drawing."""
    x_range: tuple
    y_range: tuple

    def x(self, value):
        low, high = self.x_range
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value):
        low, high = self.y_range
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)


def _span(values):
    """(low, high) of the values; widened by one where all are the same, so that there is something to divide by."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low, low + 1)


def _axes(plot, x_label):
    grid = [join([tag('line', x1=LEFT, x2=WIDTH - RIGHT, y1=plot.y(value), y2=plot.y(value), class_='grid'),
                  tag('text', f'{value:g}', x=LEFT - 6, y=plot.y(value) + 4, text_anchor='end')])
            for value in ticks(*plot.y_range)]
    numbers = [tag('text', f'{value:g}', x=plot.x(value), y=HEIGHT - BOTTOM + 15, text_anchor='middle')
               for value in ticks(*plot.x_range)]
    label = tag('text', x_label, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 3, text_anchor='middle')
    return join([*grid, *numbers, label])


def _line(plot, line, number):
    parts = []
    for run in _runs(line.points):
        places = [(plot.x(x), plot.y(y)) for x, y in run]
        if len(places) == 1:
            parts.append(tag('circle', cx=places[0][0], cy=places[0][1], r=2.5, class_='dot'))
        else:
            parts.append(tag('polyline', points=' '.join(f'{x},{y}' for x, y in places)))
    parts += [tag('circle', cx=plot.x(x), cy=plot.y(y), r=4, class_='dot') for x, y in line.finite if x == line.mark]
    return tag('g', parts, class_=f'line s{number}')


def _runs(points):
    """The stretches of consecutive points with finite values."""
    runs, current = [], []
    for x, y in points:
        if math.isfinite(y):
            current.append((x, y))
        elif current:
            runs.append(current)
            current = []
    return [*runs, current] if current else runs


def _legend(series):
    return tag('span', [tag('span', tag('svg', tag('g', tag('line', x1=0, x2=22, y1=4, y2=4), class_=f'line s{number}'),
                                        viewBox='0 0 22 8', class_='key', aria_hidden='true'), line.name)
                        for number, line in enumerate(series, 1)], class_='keys')


def _summary(series):
    ends = [(line.name, *line.finite[0], *line.finite[-1]) for line in series]
    return '; '.join(f'{name} from {y0:.4g} at {x0:g} to {y1:.4g} at {x1:g}' for name, x0, y0, x1, y1 in ends)
