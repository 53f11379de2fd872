"""The method on plain tensors: nothing here knows a registry or an mm package."""
from .affinity import (
    Relations,
    affinity_loss,
    displacement_losses,
    feature_affinities,
    path_affinities,
    relations,
)
from .centroids import centroids
from .contrast import background_bce, contrast, decoupling
from .kmeans import kmeans
from .nroi import NROIBank
from .propagation import boundary_walk, enlarged, random_walk, reduced
from .sampler import ActiveSampler, SamplingPlan, class_graph, prototypes, queries
from .views import PixelView, background_target, cam_probabilities, cam_scores, cam_view, segmentation_view

__all__ = [
    'ActiveSampler', 'NROIBank', 'PixelView', 'Relations', 'SamplingPlan', 'affinity_loss', 'background_bce',
    'background_target', 'boundary_walk', 'cam_probabilities', 'cam_scores', 'cam_view', 'centroids', 'class_graph',
    'contrast', 'decoupling', 'displacement_losses', 'enlarged', 'feature_affinities', 'kmeans', 'path_affinities',
    'prototypes', 'queries', 'random_walk', 'reduced', 'relations', 'segmentation_view'
]
