"""The embedded demo data set: procedural scenes in which things come with their stuff, in VOC layout."""
from .scenes import CLASSES, CLASSES_ALL, OWN_STUFF, Scene, draw
from .write import write_demo

__all__ = ['CLASSES', 'CLASSES_ALL', 'OWN_STUFF', 'Scene', 'draw', 'write_demo']
