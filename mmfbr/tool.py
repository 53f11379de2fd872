"""How a command line tool ends: what the user can mend is a sentence and status 2, no traceback."""
import os
import select
import sys

from mmfbr.files import InputError


def run_tool(function, *args, **kwargs):
    """Returns what ``function`` returns; an ``InputError`` or a failing file ends the process with its sentence."""
    try:
        return function(*args, **kwargs)
    except (InputError, OSError) as error:
        sys.exit(_said(error))


def status_of(function, *args):
    """The exit status of ``function``: 0, or 2 after its sentence."""
    try:
        function(*args)
    except (InputError, OSError) as error:
        return _said(error)
    return 0


def _said(error):
    if isinstance(error, BrokenPipeError) and _nobody_reads():
        return 1
    # One raised in a worker of a data loader arrives with the worker's traceback as its text.
    sentence = str(error).rpartition(f'{InputError.__module__}.{InputError.__name__}: ')[2].strip()
    print(f'error: {sentence}', file=sys.stderr)
    return 2


def _nobody_reads():
    """Whether what reads the output (``| head``) has gone; then the rest goes nowhere."""
    try:
        output = sys.stdout.fileno()
    except OSError:  # no file
        return False
    poll = select.poll()
    poll.register(output, 0)
    gone = any(event & select.POLLERR for _, event in poll.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)  # else Python complains once more at its end
    return gone
