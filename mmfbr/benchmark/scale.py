"""What the bank does to a training with many processes, on paper: turnover, staleness, bytes of a step."""
from mmfbr.core import NROIBank


def scale(processes, images, bank=None):
    """Numbers of one step of ``processes`` with ``images`` each, every image with at least K background cells.

    Args:
        bank (NROIBank | None): whose K, capacity and D count; None: its defaults.

    Returns:
        dict: ``rows`` pushed; ``turnover``, their share of the capacity; ``oldest``, steps since the oldest entry was
        pushed once the ring is full; ``sent`` and ``received``, bytes of each process.
    """
    bank = bank or NROIBank()
    rows = processes * images * bank.num_clusters
    # `push`: the number of rows as int64, then each row with its flag in float32.
    sent = 8 + images * bank.num_clusters * (bank.channels + 1) * 4
    return dict(processes=processes, images=images, rows=rows, turnover=rows / bank.capacity,
                oldest=bank.capacity / rows, sent=sent, received=(processes - 1) * sent)


def table(processes, images):
    """The numbers for each pair, as lines of Markdown."""
    lines = ['| processes | images each | NROIs a step | turnover | oldest, steps | sent, KB | received, MB |',
             '|---|---|---|---|---|---|---|']
    for count in processes:
        for each in images:
            now = scale(count, each)
            lines.append(f'| {count} | {each} | {now["rows"]} | {now["turnover"]:.2%} | {now["oldest"]:.1f} | '
                         f'{now["sent"] / 1e3:.1f} | {now["received"] / 1e6:.2f} |')
    return '\n'.join(lines)
