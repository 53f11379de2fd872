"""How far a tool is, said on stderr every few seconds."""
import sys
import time


def progress(items, what='images', total=None, every=5):
    """The items; says how many of them are done.

    Args:
        items (Iterable): what is gone through.
        what (str): what they are, in the plural.
        total (int | None): their number, where ``items`` has no length.
        every (float): seconds between two lines.
    """
    said, total = time.monotonic(), len(items) if hasattr(items, '__len__') else total
    for count, item in enumerate(items):
        if time.monotonic() - said > every:
            print(f'{count} of {total} {what}' if total else f'{count} {what}', file=sys.stderr)
            said = time.monotonic()
        yield item
