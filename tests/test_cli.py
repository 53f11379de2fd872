"""The ``mmfbr`` command: a copied config is whole, loads by itself, and takes nobody's file away."""
import pytest
from mmengine.config import Config

from mmfbr import cli


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A checkout of two configs, one inheriting from `_base_` and from the other."""
    configs = tmp_path / 'checkout' / 'configs'
    (configs / '_base_').mkdir(parents=True)
    (configs / 'host').mkdir()
    (configs / '_base_' / 'schedule.py').write_text('iterations = 20\n')
    (configs / 'host' / 'host_r50.py').write_text(
        "_base_ = '../_base_/schedule.py'\nmodel = dict(type='Host')\n")
    (configs / 'host' / 'host_r50_fbr.py').write_text(
        "_base_ = 'host_r50.py'\nmodel = dict(neck=dict(type='FBRNeck'))\n")
    monkeypatch.setattr(cli, '__file__', str(tmp_path / 'checkout' / 'mmfbr' / 'cli.py'))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_shipped_config_is_listed(capsys):
    assert cli.main(['config']) == 0
    assert 'cam_resnet18_demo_fbr' in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize('name', ['host_r50_fbr', 'host_r50_fbr.py'])
def test_config_is_flattened(shipped, name, capsys):
    assert cli.main(['config', name, '-o', 'mine/my.py']) == 0
    assert capsys.readouterr().out == 'wrote mine/my.py\n'
    text = (shipped / 'mine' / 'my.py').read_text()
    assert '_base_' not in text
    assert text.endswith('\n')
    copied, original = (Config.fromfile(path).to_dict() for path in
                        (shipped / 'mine' / 'my.py', shipped / 'checkout' / 'configs' / 'host' / 'host_r50_fbr.py'))
    assert copied == original == {'iterations': 20, 'model': {'type': 'Host', 'neck': {'type': 'FBRNeck'}}}


def test_default_name_is_the_configs_own(shipped):
    assert cli.main(['config', 'host_r50']) == 0
    assert (shipped / 'host_r50.py').exists()


def test_existing_file_is_kept_unless_forced(shipped, capsys):
    (shipped / 'my.py').write_text('mine')
    assert cli.main(['config', 'host_r50', '-o', 'my.py']) == 1
    assert '--force' in capsys.readouterr().err
    assert (shipped / 'my.py').read_text() == 'mine'
    assert cli.main(['config', 'host_r50', '-o', 'my.py', '--force']) == 0
    assert 'Host' in (shipped / 'my.py').read_text()


@pytest.mark.parametrize(('name', 'words'), [
    ('host_r5_fbr', ('No shipped config is called host_r5_fbr.', 'Close names: host_r50_fbr, host_r50.')),
    ('schedule', ('No shipped config is called schedule.',)),
    ('zzz', ('`mmfbr config` lists them',)),
])
def test_unknown_name_gets_close_ones(shipped, name, words, capsys):
    assert cli.main(['config', name]) == 1
    message = capsys.readouterr().err
    assert all(word in message for word in words)
    assert sorted(path.name for path in shipped.iterdir()) == ['checkout']


def test_other_suffix_is_refused(shipped, capsys):
    assert cli.main(['config', 'host_r50', '-o', 'my.yaml']) == 1
    assert 'must end in .py' in capsys.readouterr().err


def test_missing_configs_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, '__file__', str(tmp_path / 'mmfbr' / 'cli.py'))
    assert cli.main(['config']) == 1
    assert 'pip install mmfbr' in capsys.readouterr().err
