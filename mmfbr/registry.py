"""Registers this package's classes so that `FBRLoss` and `mmfbr.FBRLoss` resolve from any default scope.

A name without prefix is looked up in the current scope and then in mmengine's root registries, so the classes go there;
the scope `mmfbr` holds them a second time for names with the prefix.
"""
from mmengine import registry as root

DATASETS = root.Registry('dataset', parent=root.DATASETS, scope='mmfbr')
HOOKS = root.Registry('hook', parent=root.HOOKS, scope='mmfbr')
METRICS = root.Registry('metric', parent=root.METRICS, scope='mmfbr')
MODELS = root.Registry('model', root.build_model_from_cfg, parent=root.MODELS, scope='mmfbr')
TRANSFORMS = root.Registry('transform', parent=root.TRANSFORMS, scope='mmfbr')


def register(registry, *classes):
    """Registers ``classes`` under their names in ``registry`` and in its root."""
    for cls in classes:
        registry.register_module(module=cls)
        registry.parent.register_module(module=cls)
