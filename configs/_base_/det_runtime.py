"""Runtime of the shipped detectors: the shared one in mmdet's scope."""
_base_ = './default_runtime.py'
default_scope = 'mmdet'
