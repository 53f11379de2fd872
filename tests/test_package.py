"""What is installed: the wheel, the folders mim looks into, and the refusal of an environment that cannot work."""
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version
from pathlib import Path

import pytest
from mmengine.fileio import load
from stack import ONEDL

from mmfbr import requirements_check
from mmfbr.requirements_check import check_requirements
from mmfbr.version import __version__

ROOT = Path(__file__).resolve().parents[1]


def tree():
    """The paths of this checkout that are, or would be, in the repository."""
    command = ['git', 'ls-files', '-co', '--exclude-standard', '-z']
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    paths = (ROOT / name for name in listed.stdout.decode().split('\0') if name)
    return [path for path in paths if path.is_file()]


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    root = tmp_path_factory.mktemp('checkout')
    for path in tree():
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return root


def build(checkout, out):
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '.', '--no-deps', '--no-build-isolation', '-q', '-w', out],
                   cwd=checkout, check=True, capture_output=True)
    with zipfile.ZipFile(next(out.glob('mmfbr-*.whl'))) as wheel:
        return set(wheel.namelist())


def test_wheel_holds_the_package_and_what_mim_looks_for(checkout, tmp_path):
    content = build(checkout, tmp_path)
    sources = {path.relative_to(ROOT).as_posix() for path in tree() if path.suffix == '.py'}
    assert {name for name in sources if name.startswith('mmfbr/')} <= content
    for folder in ('configs', 'tools'):
        expected = {f'mmfbr/.mim/{name}' for name in sources if name.startswith(f'{folder}/')}
        assert expected == {name for name in content
                            if name.startswith(f'mmfbr/.mim/{folder}/') and name.endswith('.py')}
    assert {'mmfbr/.mim/model-index.yml', 'mmfbr/.mim/configs/cam/metafile.yml'} <= content
    assert {name.split('/')[0] for name in content} == {'mmfbr', f'mmfbr-{__version__}.dist-info'}
    assert not any('.pyc' in name or '/tests/' in name for name in content)


def test_wheel_holds_nothing_that_was_removed_or_linked(checkout, tmp_path):
    gone = checkout / 'configs' / 'gone.py'
    gone.write_text('')
    (checkout / 'mmfbr' / '.mim').mkdir()
    (checkout / 'mmfbr' / '.mim' / 'stale.py').write_text('')
    try:
        assert 'mmfbr/.mim/configs/gone.py' in build(checkout, tmp_path / 'first')
    finally:
        gone.unlink()
    assert not {'mmfbr/.mim/configs/gone.py', 'mmfbr/.mim/stale.py'} & build(checkout, tmp_path / 'second')


def test_editable_wheel_leads_mim_to_the_checkout(checkout, tmp_path):
    stale = checkout / 'mmfbr' / '.mim' / 'configs'
    stale.mkdir(parents=True, exist_ok=True)
    make = 'import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])'
    subprocess.run([sys.executable, '-c', make, tmp_path], cwd=checkout, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob('mmfbr-*.whl'))) as wheel:
        top_level = wheel.read(f'mmfbr-{__version__}.dist-info/top_level.txt').decode().strip()
    # mim joins the metadata's folder with this line
    assert os.path.join('site-packages', top_level) == str(checkout / 'mmfbr')
    for name in ('configs', 'tools', 'model-index.yml'):
        assert (checkout / 'mmfbr' / '.mim' / name).resolve() == checkout / name


@pytest.mark.xfail(ONEDL, strict=True, reason='onedl-mim 0.5.1 takes the checkout for the folder of the package')
def test_mim_finds_the_installed_package(tmp_path):
    find = 'from mim.utils import get_installed_path; print(get_installed_path("mmfbr"))'
    found = subprocess.run([sys.executable, '-W', 'ignore', '-c', find], cwd=tmp_path, capture_output=True, text=True,
                           check=True)
    mim = Path(found.stdout.strip()) / '.mim'
    assert (mim / 'tools' / 'train.py').exists()
    assert (mim / 'model-index.yml').exists()


def test_metafiles_name_configs_that_exist():
    metafiles = load(ROOT / 'model-index.yml')['Import']
    models = [model for metafile in metafiles for model in load(ROOT / metafile)['Models']]
    assert models
    for model in models:
        assert (ROOT / model['Config']).exists(), model['Name']
        assert Path(model['Config']).stem == model['Name']


def test_config_base_names_are_unique():
    """mim looks a config up by its base name alone."""
    names = [path.name for path in (ROOT / 'configs').rglob('*.py')]
    assert sorted(names) == sorted(set(names))


def test_version_has_one_source():
    assert version('mmfbr') == __version__


def test_tree_names_no_registry_and_no_path_of_one_machine():
    # Written in pieces, so that this file does not contain them.
    hosts = re.compile('pypi' r'\.org|python' r'hosted\.org|--(extra-)?index' r'-url|--find' r'-links')
    paths = re.compile(r'(?<![\w.$}/*-])/(root|work|tmp|opt|home)/\w')
    for path in tree():
        if path.suffix in ('.py', '.md', '.txt', '.yml', '.sh', '.toml', '.in') or path.name in ('Makefile', 'run'):
            text = path.read_text(encoding='utf-8')
            for pattern in (hosts, paths):
                found = pattern.search(text)
                assert found is None, f'{path.relative_to(ROOT)} contains {found[0]}'


GOOD = {'torch': '2.13.0+cpu', 'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmseg': '1.2.2', 'mmdet': '3.3.0'}


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Lets the check see packages of the given versions; an extension of mmcv unless ``ops=False``."""

    def make(ops=True, **changes):
        for module, found in {**GOOD, **changes}.items():
            if found is not None:
                (tmp_path / module).mkdir()
                (tmp_path / module / 'version.py').write_text(f"__version__ = '{found}'\n")
        if ops:
            (tmp_path / 'mmcv' / f'_ext{EXTENSION_SUFFIXES[0]}').touch()
        monkeypatch.setattr(requirements_check, '_folder',
                            lambda module: tmp_path / module if (tmp_path / module).exists() else None)

    return make


@pytest.mark.parametrize('versions', [
    {},
    {'torch': '2.4.0+cu118', 'mmengine': '0.10.0', 'mmcv': '2.0.0'},
    {'mmengine': '0.10.12', 'mmcv': '2.3.6', 'mmseg': '1.4.2', 'mmdet': '3.5.1'},  # the OneDL forks
    {'mmdet': None},
])
def test_environments_that_work_are_accepted(environment, versions):
    environment(**versions)
    check_requirements()


@pytest.mark.parametrize(('versions', 'words'), [
    ({'torch': '2.3.1'}, ('torch>=2.4', '2.3.1', 'pip install "torch>=2.4"')),
    ({'mmengine': '0.8.4'}, ('mmengine>=0.10.0', '0.8.4', 'pip install')),
    ({'mmcv': '1.7.2'}, ('mmcv>=2.0.0', '1.7.2', 'MMCV_WITH_OPS=1 pip install')),
    ({'mmcv': '2.0.0rc4'}, ('mmcv>=2.0.0', '2.0.0rc4')),
    ({'mmcv': '2.2.0'}, ('mmseg 1.2.2', 'mmcv<2.2.0', 'found 2.2.0')),
    ({'mmseg': '0.30.0'}, ('mmsegmentation>=1.2.0', '0.30.0', 'pip install "mmsegmentation>=1.2.0"')),
    ({'mmseg': None}, ('needs mmsegmentation>=1.2.0', 'not installed', 'pip install "mmsegmentation>=1.2.0"')),
    ({'mmseg': None, 'mmengine': '0.10.12', 'mmcv': '2.3.6'},
     ('needs onedl-mmsegmentation>=1.2.0', 'not installed', 'pip install "onedl-mmsegmentation>=1.2.0"')),
    ({'ops': False}, ('mmcv 2.1.0', 'compiled ops', 'mmcv-lite', 'MMCV_WITH_OPS=1')),
    ({'ops': False, 'mmcv': '2.3.6', 'mmseg': '1.4.2'}, ('mmcv 2.3.6', 'compiled ops', 'onedl-mmcv')),
])
def test_environments_that_cannot_work_are_refused_in_a_sentence(environment, versions, words):
    environment(**versions)
    with pytest.raises(ImportError) as refusal:
        check_requirements()
    message = str(refusal.value)
    assert '\n' not in message
    for word in words:
        assert word in message


def test_version_that_a_fork_looks_up_is_found(environment, tmp_path):
    environment()
    (tmp_path / 'mmengine' / 'version.py').write_text(
        "from importlib.metadata import version\n\n__version__ = version('pytest')\n")
    assert requirements_check._version('mmengine', tmp_path / 'mmengine') == pytest.__version__


def test_mmdet_is_asked_for_by_what_needs_it(environment):
    environment(mmdet='3.0.0')
    check_requirements()
    with pytest.raises(ImportError, match='mmdet>=3.3.0 and found 3.0.0'):
        check_requirements('mmdet')


def test_import_of_mmfbr_is_refused_before_anything_heavy(tmp_path):
    (tmp_path / 'torch').mkdir()
    (tmp_path / 'torch' / '__init__.py').write_text('raise AssertionError("imported")')
    (tmp_path / 'torch' / 'version.py').write_text("__version__ = '1.8.0'")
    outcome = subprocess.run([sys.executable, '-c', 'import mmfbr'], cwd=ROOT, capture_output=True, text=True,
                             env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    assert outcome.stderr.splitlines()[-1].startswith('ImportError: mmfbr needs torch>=2.4 and found 1.8.0: ')
