"""Pseudo instances from masks and CAMs, and true ones from object masks, as COCO files."""
from .displacements import DisplacementInstances
from .make import make_instances
from .methods import METHODS, Components, Displacements, Peaks, method
from .predictions import draw_predictions
from .sources import Instance, PseudoInstances, TrueInstances

__all__ = ['METHODS', 'Components', 'DisplacementInstances', 'Displacements', 'Instance', 'Peaks', 'PseudoInstances',
           'TrueInstances', 'draw_predictions', 'make_instances', 'method']
