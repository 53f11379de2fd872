"""Hooks for the training loop."""
from mmfbr.registry import HOOKS, register

from .atomic_checkpoint import AtomicCheckpointHook
from .step_seed import StepSeedHook

__all__ = ['AtomicCheckpointHook', 'StepSeedHook']

register(HOOKS, AtomicCheckpointHook, StepSeedHook)
