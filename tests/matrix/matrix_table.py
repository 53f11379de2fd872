"""The tables in docs/matrix.md and docs/matrix_mmdet.md: one line for each row, from what the test run saw."""
import os
from pathlib import Path


def line(row, model, seen):
    """A table line. ``model`` is the row's config, ``seen`` the map (stride, channels) or the refusing sentence."""
    inner = model.neck.get('neck')
    encoder = model.backbone.type + (f', {inner.type} inside' if inner else '')
    if row.refused:
        read, result = '', f'refused: {seen}'
    else:
        stride, channels = seen
        read = f'`in_index={model.neck.in_index}`: stride {stride}, {channels} channels'
        result = f'trains: `{row.keys[0]}`'
    return f'| {row.name} | `{row.base}` | {encoder} | {_heads(model)} | {read} | {result} |\n'


def _heads(model):
    names = []
    for key in ('decode_head', 'auxiliary_head'):
        heads = model.get(key) or []
        for head in heads if isinstance(heads, list) else [heads]:
            losses = head.get('loss_decode')
            losses = losses if isinstance(losses, list) else [losses or {}]
            marked = head.type == 'FBRHead' or any(loss.get('type') == 'FBRLoss' for loss in losses)
            names.append(f'**{head.type}**' if marked else head.type)
    grouped = [name if names.count(name) == 1 else f'{names.count(name)} x {name}' for name in dict.fromkeys(names)]
    return ', '.join(grouped)


class Page:
    """A page of the docs with one table, which begins with the line ``begin`` and its rule."""

    def __init__(self, name, begin, columns):
        self.path = Path(__file__).resolve().parents[2] / 'docs' / name
        self.begin, self.header = begin, f'{begin} |\n{"|---" * columns}|\n'

    def committed(self):
        """The table as it is: header and lines."""
        text = self.path.read_text(encoding='utf-8')
        start = text.index(self.begin)
        end = text.find('\n\n', start)
        return text[start:end + 1] if end >= 0 else text[start:]

    def write(self, lines):
        """Puts ``lines`` in place of the table."""
        text = self.path.read_text(encoding='utf-8')
        self.path.write_text(text.replace(self.committed(), self.header + ''.join(lines)), encoding='utf-8')

    def check(self, rows, lines):
        """Asserts that the table has ``lines`` (by row), and when they are complete nothing else.

        With ``MMFBR_WRITE_MATRIX`` set a complete run writes it first.
        """
        seen = [lines[row.name] for row in rows if row.name in lines]
        if os.environ.get('MMFBR_WRITE_MATRIX') and len(seen) == len(rows):
            self.write(seen)
        committed = self.committed()
        assert set(seen) <= set(committed.splitlines(keepends=True))
        if len(seen) == len(rows):
            assert committed == self.header + ''.join(seen)


MMSEG = Page('matrix.md',
             '| test | config of mmseg | backbone, neck | heads (FBR in the bold one) | map read | result', 6)
MMDET = Page('matrix_mmdet.md', '| test | config of mmdet | base | map read | supervision | trains, beside', 6)
