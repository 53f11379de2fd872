"""Hooks for the training loop."""
from mmfbr.registry import HOOKS, register

from .step_seed import StepSeedHook

__all__ = ['StepSeedHook']

register(HOOKS, StepSeedHook)
