"""Saliency maps where no network for them is at hand: from the image alone, or from true object masks."""
from .barrier import barrier_saliency
from .make import METHODS, make_saliency

__all__ = ['METHODS', 'barrier_saliency', 'make_saliency']
