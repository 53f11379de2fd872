"""What a tool's user can mend ends in one sentence and status 2."""
import subprocess
import sys

import pytest
import torch

from mmfbr.files import InputError
from mmfbr.tool import run_tool, status_of


class OnlyBad(torch.utils.data.Dataset):

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise InputError('The image a.jpg cannot be decoded.')


def test_what_the_function_returns_is_returned():
    assert run_tool(divmod, 7, 2) == (3, 1) and status_of(divmod, 7, 2) == 0


def test_mistake_found_by_a_loading_worker_is_one_sentence_too(capsys):
    loader = torch.utils.data.DataLoader(OnlyBad(), num_workers=1)
    with pytest.raises(SystemExit) as stop:
        run_tool(lambda: next(iter(loader)))
    assert stop.value.code == 2
    assert capsys.readouterr().err == 'error: The image a.jpg cannot be decoded.\n'


def test_a_failing_file_is_a_sentence(tmp_path, capsys):
    assert status_of(open, tmp_path / 'none') == 2
    assert capsys.readouterr().err == f"error: [Errno 2] No such file or directory: '{tmp_path / 'none'}'\n"


@pytest.mark.parametrize('call', [run_tool, status_of])
def test_other_errors_keep_their_traceback(call):
    with pytest.raises(ZeroDivisionError):
        call(divmod, 1, 0)


def test_output_that_nobody_reads_any_more_ends_the_tool_quietly():
    lines = "from mmfbr.tool import status_of; raise SystemExit(status_of(lambda: print('x\\n' * 100_000)))"
    with subprocess.Popen([sys.executable, '-c', lines], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tool:
        tool.stdout.read(1)
        tool.stdout.close()
        assert tool.stderr.read() == b'' and tool.wait() == 1


def test_another_broken_pipe_is_a_sentence(capsys):
    def fail():
        raise BrokenPipeError('a worker died')
    assert status_of(fail) == 2 and capsys.readouterr().err == 'error: a worker died\n'
