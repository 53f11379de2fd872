"""Which software stack the tests run on: the forks' ``mim`` is told other names than OpenMMLab's."""
from importlib.metadata import PackageNotFoundError, distribution

try:
    distribution('onedl-mmengine')
    ONEDL = True
except PackageNotFoundError:
    ONEDL = False
