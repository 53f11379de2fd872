"""The command line: what it prints and how it ends."""

import pytest
from official_archives import jpeg, write_coco, write_voc
from tool_modules import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('prepare_data')


@pytest.mark.parametrize(('name', 'write', 'said'), [
    ('voc12', write_voc, 'train_aug 4, train 2, val 1 images'),
    ('coco14', write_coco, 'train 2, val 2, train_background_only 1, val_background_only 1 images'),
])
def test_archives(tool, tmp_path, capsys, name, write, said):
    command = [name, '--out', str(tmp_path / 'out'), '--source', str(tmp_path)]
    assert tool.main(command) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and 'Put it there (--source)' in error
    write(tmp_path)
    assert tool.main(command) == 0
    out, error = capsys.readouterr()
    assert said in out and 'files written now' in out and 'the official archives give' in error
    assert tool.main(command) == 0 and 'all files were there already' in capsys.readouterr().out


def test_folder(tool, tmp_path, capsys):
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'a.jpg').write_bytes(jpeg())
    (tmp_path / 'labels.csv').write_text('image,labels\na,cow\n')
    command = ['folder', '--images', str(tmp_path / 'photos'), '--labels', str(tmp_path / 'labels.csv'), '--out',
               str(tmp_path / 'out')]
    assert tool.main([*command, '--val-list', 'x']) == 2 and '--val-list needs --train-list' in capsys.readouterr().err
    assert tool.main(command) == 0
    assert f'Train with: python tools/train.py {tmp_path / "out" / "config.py"}' in capsys.readouterr().out


def test_progress_is_said_on_stderr(tool, capsys):
    assert list(tool.progress(iter('ab'), 'files', every=-1)) == ['a', 'b']
    assert list(tool.progress('ab', every=-1)) == ['a', 'b']
    assert capsys.readouterr().err.splitlines() == ['0 files', '1 files', '0 of 2 images', '1 of 2 images']
