"""Reads the damaged files within bounds of time and memory.

``PYTHONPATH=tests python tests/hostile/bounded.py [READER ...]`` prints a JSON line for each reader. A reader
works in a process of its own, so that a crash is told like any other failure; the files are thinned unless MMFBR_FUZZ
is ``full`` (see ``corpus``).
"""
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import corpus
import torch
from readers import READERS

from mmfbr.files import InputError

SECONDS, MEGABYTES = 20, 3000  # of the processor and of memory, for one file
ADDRESSES = 8 << 30  # bytes at which the machine is protected from what breaks the bound


class Unbounded(BaseException):
    """No ``Exception``: nothing that is read may take it for damage of the file."""


def too_long(*args):
    raise Unbounded(f'more than {SECONDS} s')


def read_all(name, folder):
    """{'read', 'refused', 'failures', 'slowest', 'megabytes'} of a reader's damaged files."""
    reader = READERS[name]
    path = reader.good(folder)
    reader.read(path)
    content, counts, failures, slowest, most = path.read_bytes(), dict(read=0, refused=0), [], 0, 0
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, resource.RLIM_INFINITY))
    signal.signal(signal.SIGPROF, too_long)
    for variant, damaged in reader.variants(content):
        path.write_bytes(damaged)
        (folder / 'variant').write_text(variant, errors='replace')  # what a crash was about
        Path('/proc/self/clear_refs').write_text('5')  # the peak starts anew
        start, before = time.process_time(), memory('VmRSS')
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            reader.read(path)
            counts['read'] += 1
            if variant.startswith(corpus.BOMB):
                failures.append(f'{variant}: it was read')
        except (InputError, OSError) as error:  # the tools end with the sentence of both
            counts['refused'] += 1
            if path.name not in str(error) and str(path.parent) not in str(error):  # a note is its folder's
                failures.append(f'{variant}: the message is {str(error)[:300]!r}')
        except BaseException as error:  # an exit is a failure as well
            failures.append(f'{variant}: {type(error).__name__}: {error}'[:400])
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        slowest, grown = max(slowest, time.process_time() - start), memory('VmHWM') - before
        if grown > MEGABYTES:
            failures.append(f'{variant}: it took {grown} MB')
        most = max(most, grown)
    return dict(counts, failures=failures, slowest=round(slowest, 2), megabytes=most)


def memory(kind):
    """Megabytes of this process, from the kernel's ``status``."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) >> 10


def in_process(name):
    """``read_all`` in a process of its own; the end of that process is a failure like any other."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / 'files').mkdir()
        child = os.fork()
        if child == 0:
            os.dup2(2, 1)  # what readers say is no report
            try:
                (folder / 'report').write_text(json.dumps(read_all(name, folder / 'files')))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(0)
        _, status, usage = os.wait4(child, 0)
        report, variant = folder / 'report', folder / 'files' / 'variant'
        if report.exists():
            found = json.loads(report.read_text())
        else:
            at = variant.read_text() if variant.exists() else 'the good file'
            found = dict(read=0, refused=0, slowest=0, megabytes=0,
                         failures=[f'{at}: the process ended with status {status}'])
        return dict(reader=name, **found, seconds=round(usage.ru_utime + usage.ru_stime, 1))


def main(names):
    torch.set_num_threads(1)
    for name in names or READERS:
        print(json.dumps(in_process(name)), flush=True)


if __name__ == '__main__':
    main(sys.argv[1:])
