"""Packs mmfbr; mim finds its configs and tools under ``mmfbr/.mim`` of a wheel and of an editable install alike."""
import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.develop import develop

try:
    from setuptools.command.editable_wheel import editable_wheel
except ImportError:  # before setuptools 64, where `pip install -e` runs `develop`
    editable_wheel = None

ROOT = Path(__file__).resolve().parent
MIM = {'configs': ('*.py', '*.yml', '*.md'), 'tools': ('*.py',)}


def version():
    return re.search(r"__version__ = '([^']+)'", (ROOT / 'mmfbr' / 'version.py').read_text(encoding='utf-8'))[1]


def read_me():
    path = ROOT / 'README.md'
    return path.read_text(encoding='utf-8') if path.exists() else ''


def link_mim():
    """``mmfbr/.mim`` of the checkout: links to the real folders, so that an edited config is the one mim finds."""
    mim = ROOT / 'mmfbr' / '.mim'
    shutil.rmtree(mim, ignore_errors=True)
    mim.mkdir()
    for name in (*MIM, 'model-index.yml'):
        os.symlink(Path('..', '..', name), mim / name)


class BuildPy(build_py):

    def run(self):
        if getattr(self, 'editable_mode', False):
            return super().run()
        # setuptools packs whatever an earlier build left in build/lib: a config since removed would come back.
        target = Path(self.build_lib, 'mmfbr')
        shutil.rmtree(target, ignore_errors=True)
        super().run()
        for folder, patterns in MIM.items():
            for path in sorted({path for pattern in patterns for path in (ROOT / folder).rglob(pattern)}):
                copy = target / '.mim' / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        shutil.copyfile(ROOT / 'model-index.yml', target / '.mim' / 'model-index.yml')


class Develop(develop):

    def run(self):
        link_mim()
        super().run()


commands = {'build_py': BuildPy, 'develop': Develop}

if editable_wheel is not None:

    class EditableWheel(editable_wheel):
        """mim takes `folder of the metadata`/`first line of top_level.txt` for the package's folder.

        An editable wheel's metadata lies in site-packages, where the package is not: an absolute path leads mim to it.
        """

        def run(self):
            link_mim()
            if self.dist_info_dir is None:
                self._ensure_dist_info()
            Path(self.dist_info_dir, 'top_level.txt').write_text(f'{ROOT / "mmfbr"}\n', encoding='utf-8')
            super().run()

    commands['editable_wheel'] = EditableWheel

setup(
    name='mmfbr',
    version=version(),
    description='Fine-grained Background Representation (FBR): weakly supervised segmentation in OpenMMLab',
    long_description=read_me(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['mmfbr', 'mmfbr.*']),
    # Lower bounds only, so that pip replaces nothing that an environment has. The mm packages are extras: to pip, an
    # environment with the OneDL forks lacks `mmcv`, and it would install OpenMMLab's files over the forks' module.
    # `mmfbr.requirements_check` asks for them at import, whichever distribution they came from.
    # mmsegmentation imports ftfy and regex without asking pip for them.
    install_requires=['torch>=2.4', 'numpy>=1.22', 'pillow>=9.0', 'packaging', 'ftfy', 'regex'],
    extras_require={
        'openmmlab': ['mmengine>=0.10.0', 'mmcv>=2.0.0', 'mmsegmentation>=1.2.0', 'mmdet>=3.3.0'],
        'onedl': ['onedl-mmengine>=0.10.12', 'onedl-mmcv>=2.3.6', 'onedl-mmsegmentation>=1.4.2',
                  'onedl-mmdetection>=3.5.1'],
        'crf': ['pydensecrf2>=1.1'],
        'boxinst': ['scikit-image'],
    },
    entry_points={'console_scripts': ['mmfbr = mmfbr.cli:main']},
    cmdclass=commands,
    zip_safe=False,
)
