"""Tools in processes of their own."""
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

from mmfbr.files import InputError

PR_SET_PDEATHSIG = 1  # of prctl.h: the signal a process gets when its parent ends


def start_tool(name, *arguments, log, pass_fds=(), own_group=False, **environment):
    """Starts ``tools/NAME`` in a process of its own; what it says goes to the file ``log``.

    Args:
        pass_fds (Sequence[int]): open files that it holds, too.
        own_group (bool): it leads a process group, so that its loading workers can be ended with it.
    """
    script = Path(__file__).resolve().parents[1] / '.mim' / 'tools' / name
    with log.open('w', encoding='utf-8') as stream:
        return subprocess.Popen([sys.executable, str(script), *map(str, arguments)], stdout=stream,
                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, pass_fds=pass_fds,
                                start_new_session=own_group, env={**os.environ, **environment},
                                preexec_fn=_end_with_parent)


def _end_with_parent():
    """Who is killed takes the tools along that it started: its next run would start them a second time, in one
    folder."""
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def stopped(what, process, log):
    """The InputError that says how ``process`` ended, and its last words."""
    said = '\n'.join(log.read_text(encoding='utf-8', errors='replace').splitlines()[-8:])
    return InputError(f'{what} stopped with status {process.returncode}. It said last:\n{said}\nAll of it is in {log}.')
