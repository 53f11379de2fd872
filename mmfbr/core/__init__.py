"""The method on plain tensors: nothing here knows a registry or an mm package."""
from .contrast import background_bce, contrast, decoupling
from .kmeans import kmeans
from .nroi import NROIBank
from .sampler import ActiveSampler, SamplingPlan, class_graph, prototypes, queries
from .views import PixelView, background_target, cam_probabilities, cam_scores, cam_view, segmentation_view

__all__ = [
    'ActiveSampler', 'NROIBank', 'PixelView', 'SamplingPlan', 'background_bce', 'background_target',
    'cam_probabilities', 'cam_scores', 'cam_view', 'class_graph', 'contrast', 'decoupling', 'kmeans', 'prototypes',
    'queries', 'segmentation_view'
]
