"""Runs a command line tool in a forked process and kills it, with all that it has started, at a chosen moment."""
import builtins
import io
import mmap
import os
import runpy
import signal
import struct
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {'open': 0, 'os.rename': 1, 'os.remove': 0, 'os.link': 1, 'os.symlink': 1}  # audit events, place of the path
TICK = 1 / os.sysconf('SC_CLK_TCK')


@dataclass(frozen=True)
class Kill:
    """When to kill: after so many seconds of CPU time, which a busy machine does not stretch; or before the n-th
    operation on files, and where that opens a file to write, when ``part`` of the first write to it is done."""
    seconds: float | None = None
    operation: int | None = None
    part: float = 0.

    def __str__(self):
        if self == NEVER:
            return 'not killed'
        return f'{self.seconds:.2f} s' if self.operation is None else f'operation {self.operation}, {self.part:.0%}'


NEVER = Kill()


@dataclass(frozen=True)
class Ended:
    """How a run ended: ``killed`` while it worked, or by itself with ``status``; at which operation, after how long."""
    killed: bool
    status: int
    operations: int
    seconds: float


class Operations:
    """Counts the operations by which a process changes files below ``folder``; dies at one of them when told so.

    Python's audit events tell of them before they happen, whatever code is at work. The count is in memory that the
    parent sees.
    """

    def __init__(self, folder, concerns):
        self.folder, self.concerns, self.memory = str(folder), concerns, mmap.mmap(-1, 8)

    @property
    def count(self):
        return struct.unpack('q', self.memory[:8])[0]

    def watch(self, kill, alone):
        """To be called in the process that is watched; there is no way back."""
        self.kill, self.alone, self.process, self.within = kill, alone, os.getpid(), False
        self.real_open, sync = io.open, os.fsync

        def fsync(handle):
            self.happens('fsync', os.readlink(f'/proc/self/fd/{handle}'))
            sync(handle)
        sys.addaudithook(self.audit)
        builtins.open = io.open = self.open
        os.fsync = fsync

    def audit(self, event, arguments):
        if event in CHANGES and (event != 'open' or arguments[2] & WRITES):
            self.happens(event, arguments[CHANGES[event]], by_open=event == 'open' and arguments[1] is not None)

    def happens(self, event, path, by_open=False):
        if os.getpid() != self.process or isinstance(path, int):
            return
        path = os.path.abspath(os.fsdecode(path))
        if not path.startswith(self.folder + os.sep) or not self.concerns(os.path.basename(path)):
            return
        self.memory[:8] = struct.pack('q', self.count + 1)
        if self.count == self.kill.operation:
            if not by_open:
                die(self.alone)
            self.within = True  # `open` below goes on

    def open(self, *args, **kwargs):
        stream = self.real_open(*args, **kwargs)
        return CutShort(stream, self.kill.part, self.alone) if self.within else stream


class CutShort:
    """A stream to write to, whose process dies when ``part`` of the first write is done, and else when it is closed."""

    def __init__(self, stream, part, alone):
        self.stream, self.part, self.alone = stream, part, alone
        if not part:
            die(alone)

    def write(self, data):
        self.stream.write(data[:round(self.part * len(data))])
        self.close()

    def close(self, *error):
        self.stream.flush()
        die(self.alone)

    def fileno(self):
        raise io.UnsupportedOperation('who writes shall call write')

    def __enter__(self):
        return self

    __exit__ = close

    def __getattr__(self, name):
        return getattr(self.stream, name)


def die(alone):
    (os.kill if alone else os.killpg)(os.getpid(), signal.SIGKILL)  # which leads its group
    time.sleep(60)  # the signal comes in between


def run_tool(script, words, folder, environment, log, concerns=lambda name: True, kill=NEVER, alone=False):
    """Runs ``script`` as ``python script words...`` in ``folder`` does, as a fork of this process.

    Args:
        script (Path): the tool. words (Sequence[str]): its command line.
        folder (Path): the current folder; operations on files below it count.
        environment (dict): is added to that of this process.
        log (Path): what it says is added there.
        concerns (callable): of the name of a file, whether operations on it count.
        kill (Kill): when.
        alone (bool): kill the process alone; those that it has started are to end by themselves. Seconds are then
            those of the wall clock, since the others do the work.

    Raises:
        TimeoutError: they do not. They are killed in any case.
    """
    operations = Operations(folder, concerns)
    process = os.fork()
    if not process:
        try:
            os.setpgid(0, 0)
            _become(script, words, folder, environment, log)
            operations.watch(kill, alone)
            _run(script)
        finally:
            os._exit(70)
    seconds, started = 0, time.monotonic()
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            break
        seconds = time.monotonic() - started if alone else _seconds(process)
        if kill.seconds is not None and seconds >= kill.seconds:
            time.sleep(kill.seconds % TICK)  # the clock is a coarse one
            (os.kill if alone else os.killpg)(process, signal.SIGKILL)
            kill = NEVER
        time.sleep(0.004)
    _end_group(process, 10 if alone else 0)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code == -signal.SIGKILL, code, operations.count, seconds)


def _become(script, words, folder, environment, log):
    os.environ.update(environment)
    os.chdir(folder)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for handle in (1, 2):
        os.dup2(stream, handle)
    sys.argv = [str(script), *map(str, words)]


def _run(script):
    try:
        runpy.run_path(str(script), run_name='__main__')
        code = 0
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


def _seconds(process):
    """CPU time of a process that runs."""
    fields = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def _end_group(leader, patience):
    """Ends what a tool has started; TimeoutError when it has not ended by itself after ``patience`` seconds."""
    end = time.monotonic() + patience
    try:
        while patience:
            os.killpg(leader, 0)
            if time.monotonic() > end:
                os.killpg(leader, signal.SIGKILL)
                raise TimeoutError('what the killed process had started goes on without it')
            time.sleep(0.05)
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass
