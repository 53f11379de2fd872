"""The distribution name ``mmsegmentation`` for OneDL's fork: no files, only the name and the module that it stands for.

mmengine looks the configs of ``_base_ = 'mmseg::...'`` up by this name, which the fork does not have.
"""
from importlib.metadata import version
from pathlib import Path

from setuptools import setup
from setuptools.command.egg_info import egg_info


class EggInfo(egg_info):

    def run(self):
        super().run()
        Path(self.egg_info, 'top_level.txt').write_text('mmseg\n', encoding='utf-8')


setup(name='mmsegmentation', version=version('onedl-mmsegmentation'), install_requires=['onedl-mmsegmentation'],
      description='Another name of onedl-mmsegmentation', py_modules=[], cmdclass={'egg_info': EggInfo})
