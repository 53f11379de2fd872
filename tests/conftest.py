"""What tests of every part share: the folder that holds the method's own definition, and the order of the files."""
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

# Begun last, one of these would keep one process at work for minutes after the others have ended.
SLOW = ('test_interruption', 'test_demos', 'test_training', 'test_shipped_configs', 'test_make_masks_tool',
        'test_long_run', 'test_corpus', 'test_matrix', 'test_processes', 'test_torchrun', 'test_harness')


def pytest_collection_modifyitems(items):
    """The tests of the slow files first."""
    items.sort(key=lambda item: SLOW.index(item.path.stem) if item.path.stem in SLOW else len(SLOW))


@pytest.fixture(scope='module', autouse=True)
def default_scope():
    """Each module ends with the default scope of the registries as it found it: names without prefix depend on it."""
    before = dict(DefaultScope._instance_dict)
    yield
    DefaultScope._instance_dict.clear()
    DefaultScope._instance_dict.update(before)


@pytest.fixture(scope='session')
def shared():
    """The folder ``shared`` beside the repository, with ``method.md`` and ``reference.py``."""
    folder = Path(__file__).resolve().parents[2] / 'shared'
    if not (folder / 'reference.py').is_file():
        pytest.skip('The folder "shared" with reference.py is not beside the repository. Tests that need it compare '
                    "tests/reference.py, which all others trust, with the method's own definition.")
    return folder
