"""Brings official archives, or a folder of photographs, into the layout that the configs read."""
from .coco14 import prepare_coco14
from .folder import prepare_folder
from .place import LINKS
from .voc12 import prepare_voc12

__all__ = ['LINKS', 'prepare_coco14', 'prepare_folder', 'prepare_voc12']
