"""A small demo data set, where the demo configs look, and studies on it."""
import pytest
from studies import write_study

from mmfbr.compare import Harness, read_study
from mmfbr.demo import write_demo


@pytest.fixture(scope='module', autouse=True)
def data(tmp_path_factory):
    """The data set; every run is on the CPU, which repeats its bits."""
    root = tmp_path_factory.mktemp('compare') / 'data'
    write_demo(root, size=64, train=8, val=4, test=6, background=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('DEMO_ROOT', str(root))
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        yield root


@pytest.fixture
def study_file(tmp_path):
    """Writes a study with changes and returns its path."""
    return lambda **changes: write_study(tmp_path, **changes)


@pytest.fixture
def harness(study_file, tmp_path):
    """A Harness of such a study, in the folder ``out``."""
    return lambda **changes: Harness(read_study(study_file(**changes)), tmp_path / 'out')
