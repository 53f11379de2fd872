"""Refuses, in one sentence and before anything heavy is imported, an environment in which mmfbr cannot work.

The mm packages exist twice, from OpenMMLab and as the OneDL forks, under different distribution names and the same
module names. What counts is the module that an import would find, so its ``version.py`` is read: OpenMMLab's states
the version, the forks' looks its distribution up.
"""
import re
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path

from packaging.version import Version

# module: (lowest version, pip's name for it)
LOWEST = {
    'torch': ('2.4', 'torch'),
    'mmengine': ('0.10.0', 'mmengine'),
    'mmcv': ('2.0.0', 'mmcv'),
    'mmseg': ('1.2.0', 'mmsegmentation'),
    'mmdet': ('3.3.0', 'mmdet'),
}
# These last OpenMMLab releases stop with an assertion beside a newer mmcv; the forks go on from there and accept it.
LAST_WITH_OLD_MMCV = {'mmseg': '1.2.2', 'mmdet': '3.3.0'}
MMCV_LIMIT = '2.2.0'
# What pip calls the forks' that go with a newer mmcv.
FORKS = {'mmseg': 'onedl-mmsegmentation', 'mmdet': 'onedl-mmdetection'}


def _folder(module):
    """The folder that ``import module`` would load from, or None; finding it imports nothing."""
    spec = find_spec(module)
    return Path(spec.origin).parent if spec and spec.origin else None


def _version(module, folder):
    text = (folder / 'version.py').read_text(encoding='utf-8')
    found = re.search(r'^__version__\b[^=\n]*=\s*(version\()?[\'"]([^\'"]+)', text, re.MULTILINE)
    if not found:
        raise ImportError(f'mmfbr cannot tell the version of {module}: {folder / "version.py"} states none. '
                          'Install it again.')
    return metadata.version(found[2]) if found[1] else found[2]


def _with_ops(version):
    distribution = f'"mmcv<{MMCV_LIMIT}"' if Version(version) < Version(MMCV_LIMIT) else 'onedl-mmcv'
    return ('pip uninstall -y mmcv mmcv-lite onedl-mmcv; '
            f'MMCV_WITH_OPS=1 pip install --no-build-isolation --no-cache-dir {distribution}')


def check_requirements(*also):
    """Raises ImportError naming the package, the version found, the version needed and the command that mends it.

    ``also`` names further keys of ``LOWEST``: mmdet is asked for only by what builds on it.
    """
    versions = {}
    for module in ('torch', 'mmengine', 'mmcv', 'mmseg', *also):
        lowest, distribution = LOWEST[module]
        if 'mmcv' in versions and Version(versions['mmcv']) >= Version(MMCV_LIMIT):
            distribution = FORKS[module]
        folder = _folder(module)
        command = _with_ops('2.1.0') if module == 'mmcv' else f'pip install "{distribution}>={lowest}"'
        if folder is None:
            raise ImportError(f'mmfbr needs {distribution}>={lowest}, which is not installed: {command}')
        versions[module] = _version(module, folder)
        if Version(versions[module]) < Version(lowest):
            raise ImportError(f'mmfbr needs {distribution}>={lowest} and found {versions[module]}: {command}')
    for module, last in LAST_WITH_OLD_MMCV.items():
        if (module in versions and Version(versions[module]) <= Version(last)
                and Version(versions['mmcv']) >= Version(MMCV_LIMIT)):
            raise ImportError(f'{module} {versions[module]} needs mmcv<{MMCV_LIMIT} and found {versions["mmcv"]}: '
                              + _with_ops('2.1.0'))
    if not any((_folder('mmcv') / f'_ext{suffix}').exists() for suffix in EXTENSION_SUFFIXES):
        raise ImportError(f'mmfbr needs mmcv with its compiled ops and found mmcv {versions["mmcv"]} without them '
                          f'(mmcv-lite, or built without torch): {_with_ops(versions["mmcv"])}')
