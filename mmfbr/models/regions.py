"""What FBR sees in a batch: the NROI of each background cell, the queries, and how alike they are."""
from typing import NamedTuple

import torch
from torch import Tensor

from mmfbr.core.contrast import unit


class Regions(NamedTuple):
    """Of the cells of a feature map."""
    clusters: Tensor
    """(N, H, W) int64: number of the NROI of its image that a background cell is nearest to, -1 for any other cell."""
    queries: Tensor
    """(N, H, W) bool: unsure foreground cells."""
    positive: Tensor
    """(Q,) cosine of each query and the prototype of its class."""
    negative: Tensor
    """(Q, R) cosine of each query and each NROI of the batch."""


@torch.no_grad()
def find_regions(neck, loss, view, bg_index, generator):
    """The ``Regions`` of the batch that ``neck`` (``FBRNeck``) has just seen.

    Args:
        loss (FBRLoss): whose sampler and clustering are used; its bank is neither read nor changed.
        view (PixelView): the host's.
        bg_index (int | None): the background's class; without one there are no NROIs.
        generator (torch.Generator): of k-means and sampling.
    """
    pixels = neck.embedder()
    plan = loss.sampler.plan(pixels.rows, view, bg_index, loss.tau, generator)
    chosen, classes = plan.queries[plan.keep], plan.classes[plan.keep]
    _, _, rows, query = pixels.embed(chosen)
    background = torch.zeros_like(view.valid) if bg_index is None else view.valid & (view.labels == bg_index)
    centroids, exists = loss.nroi.extract(rows, background.flatten(1), generator)
    distance = torch.cdist(rows, centroids).masked_fill(~exists[:, None], torch.inf)
    clusters = distance.argmin(2).view_as(view.labels).masked_fill(~background, -1)
    mask = torch.zeros(view.labels.numel(), dtype=torch.bool, device=chosen.device)
    mask[chosen] = True
    query = unit(query)
    return Regions(clusters, mask.view_as(view.labels), (query * unit(plan.prototypes)[classes]).sum(1),
                   query @ unit(centroids[exists]).T)
