"""Images with image-level labels, in mmseg's pipeline."""
from mmfbr.registry import DATASETS, TRANSFORMS, register

from .image_label_dataset import ImageLabelDataset
from .label_sources import read_labels
from .transforms import LoadCheckedAnnotations, LoadCheckedImage, LoadCheckedSaliency, PackImageLabelInputs

__all__ = [
    'ImageLabelDataset', 'LoadCheckedAnnotations', 'LoadCheckedImage', 'LoadCheckedSaliency', 'PackImageLabelInputs',
    'read_labels'
]

register(DATASETS, ImageLabelDataset)
register(TRANSFORMS, LoadCheckedAnnotations, LoadCheckedImage, LoadCheckedSaliency, PackImageLabelInputs)
