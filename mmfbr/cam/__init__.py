"""Class activation maps of a trained model at full resolution, and the pseudo masks made of them."""
from .crf import CRF
from .inference import CamSettings, batch_cams, image_cam
from .irn import IRN
from .nroi import NROI
from .par import PAR
from .psa import PSA
from .pseudo_masks import make_pseudo_masks
from .refinement import refinement

__all__ = ['CRF', 'IRN', 'NROI', 'PAR', 'PSA', 'CamSettings', 'batch_cams', 'image_cam', 'make_pseudo_masks',
           'refinement']
