"""Lets mmengine find the configs of ``_base_ = 'mmseg::...'`` where a fork brings ``mmseg`` under another name."""
from importlib.metadata import PackageNotFoundError, distribution

from mmengine.config.utils import MODULE2PACKAGE


def find_mmseg_configs():
    """mmengine asks for the distribution ``mmsegmentation``; where there is none, the module ``mmseg`` is asked for.

    mmengine accepts either, and looks ``mmdet::`` up in this way on every stack.
    """
    try:
        distribution(MODULE2PACKAGE['mmseg'])
    except PackageNotFoundError:
        MODULE2PACKAGE['mmseg'] = 'mmseg'
