"""The table in docs/matrix.md: one line for each row of the matrix, from what the test run saw."""
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'matrix.md'
BEGIN = '| test | config of mmseg'
HEADER = f'{BEGIN} | backbone, neck | heads (FBR in the bold one) | map read | result |\n|---|---|---|---|---|---|\n'


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


def committed():
    """The table of the page as it is: header and lines."""
    text = PAGE.read_text(encoding='utf-8')
    start = text.index(BEGIN)
    return text[start:start + text[start:].index('\n\n') + 1] if '\n\n' in text[start:] else text[start:]


def write(lines):
    """Puts ``lines`` in place of the page's table."""
    text = PAGE.read_text(encoding='utf-8')
    PAGE.write_text(text.replace(committed(), HEADER + ''.join(lines)), encoding='utf-8')
