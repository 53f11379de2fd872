"""Class activation maps of a trained model at full resolution, and the pseudo masks made of them."""
from .inference import CamSettings, image_cam
from .pseudo_masks import make_pseudo_masks

__all__ = ['CamSettings', 'image_cam', 'make_pseudo_masks']
