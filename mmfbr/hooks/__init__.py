"""Hooks for the training loop."""
from mmfbr.registry import HOOKS, register

from .atomic_checkpoint import AtomicCheckpointHook
from .step_seed import StepSeedHook
from .visualization import FBRVisualizationHook

__all__ = ['AtomicCheckpointHook', 'FBRVisualizationHook', 'StepSeedHook']

register(HOOKS, AtomicCheckpointHook, FBRVisualizationHook, StepSeedHook)
