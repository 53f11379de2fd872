"""Pseudo instances from masks and CAMs, and true ones from object masks, as COCO files."""
from .make import make_instances
from .methods import METHODS, PLANNED, Components, Peaks, method
from .predictions import draw_predictions
from .sources import Instance, PseudoInstances, TrueInstances

__all__ = ['METHODS', 'PLANNED', 'Components', 'Instance', 'Peaks', 'PseudoInstances', 'TrueInstances',
           'draw_predictions', 'make_instances', 'method']
