"""Reading ahead of the network and finishing behind it, in threads with bounded queues."""
from collections import deque
from concurrent.futures import ThreadPoolExecutor


def read_ahead(items, load, depth=2):
    """Yields ``load(item)`` of each item in order, up to ``depth`` of them loaded before they are asked for."""
    reader, waiting = ThreadPoolExecutor(1), deque()
    try:
        for item in items:
            waiting.append(reader.submit(load, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        reader.shutdown(cancel_futures=True)


class Finisher:
    """Runs functions in threads behind the caller, who waits once ``limit`` of them are unfinished.

    What a function raises comes out of a later ``submit``, or at the end of the context. The end waits for all, after
    an error too: what the network has done is not thrown away.
    """

    def __init__(self, workers=2, limit=16):
        self.threads, self.limit, self.pending = ThreadPoolExecutor(workers), limit, deque()

    def submit(self, function, *args):
        while self.pending and (len(self.pending) >= self.limit or self.pending[0].done()):
            self.pending.popleft().result()
        self.pending.append(self.threads.submit(function, *args))

    def __enter__(self):
        return self

    def __exit__(self, kind, *error):
        self.threads.shutdown()
        while kind is None and self.pending:
            self.pending.popleft().result()
