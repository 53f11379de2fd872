"""Fine-grained background representation (FBR) for MMSegmentation and MMDetection.

Importing the package registers its modules, so a config needs no more than ``custom_imports =
dict(imports=['mmfbr'])``.
"""
from .requirements_check import check_requirements
from .version import __version__

check_requirements()

from . import datasets, hooks, models  # noqa: E402  (after the check: a missing package gets its sentence)
from .base_configs import find_mmseg_configs  # noqa: E402
from .evaluation.image_label_metric import ImageLabelMetric  # noqa: E402
from .evaluation.instance_metric import VOCInstanceMetric  # noqa: E402
from .registry import METRICS, register  # noqa: E402
from .safe_loading import allow_checkpoint_classes, load_safely_in_mmengine  # noqa: E402

register(METRICS, ImageLabelMetric, VOCInstanceMetric)
allow_checkpoint_classes()
find_mmseg_configs()
load_safely_in_mmengine()

__all__ = ['__version__', 'datasets', 'hooks', 'models']
