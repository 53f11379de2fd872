"""Objects told from their own image's background: pixels between class prototypes and NROIs, and a loss on class maps.

Not the paper's. The paper's contrasts shape embeddings; here the same comparison, on features as they are, says
directly which pixels a class map should cover.
"""
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from .contrast import EPS
from .gallery import NONE, elsewhere, of_the_object
from .kmeans import kmeans


def ranges(num_clusters, sure, unlike, tau, prior, margin):
    """(name, value, whether it is in range, the range in words) of these settings of ``nroi_shares``."""
    return (('num_clusters', num_clusters, num_clusters >= 1 and int(num_clusters) == num_clusters,
             'an integer, at least 1'),
            ('sure', sure, 0 <= sure < 1, 'in [0, 1)'), ('unlike', unlike, 0 < unlike <= 1, 'in (0, 1]'),
            ('tau', tau, tau > 0, 'positive'), ('prior', prior, 0 < prior < 1, 'between 0 and 1'),
            ('margin', margin, 0 <= margin <= 1, 'in [0, 1]'))


def usual_prior(gallery):
    """``prior`` of ``nroi_shares`` with or without a ``gallery`` (truth value): with one more is background."""
    return 0.1 if gallery else 0.3


@dataclass(frozen=True)
class Parts:
    """What images are made of, on one feature map.

    Attributes:
        pixels (Tensor): (N, P, L), unit length.
        prototypes (Tensor): (N, C, L), unit length, 0 where there is none.
        sure (Tensor): (N, C) bool, the prototypes that there are.
        nroi (Tensor): (N, K, L), unit length.
        exists (Tensor): (N, K) bool, the NROIs that there are.
    """
    pixels: torch.Tensor
    prototypes: torch.Tensor
    sure: torch.Tensor
    nroi: torch.Tensor
    exists: torch.Tensor


@torch.no_grad()
def image_parts(feature, seeds, present, valid, generator, num_clusters=8, sure=0.8, unlike=0.2):
    """``Parts`` of images.

    Of a class in an image the pixels with a seed score above ``sure`` (and none higher of another class) make the
    prototype, their score-weighted mean; the pixels where no score reaches ``unlike`` are background, and k-means
    makes NROIs of it, all of it at unit length. Arguments as for ``nroi_shares``.
    """
    valid = valid.flatten(1)
    x = F.normalize(feature.detach().float().flatten(2).transpose(1, 2), dim=2, eps=EPS)
    scores = (seeds.float() * present[..., None, None]).flatten(2) * valid[:, None]
    best = F.pad(scores, (0, 0, 0, 1)).amax(1, keepdim=True)  # there may be no class at all
    weight = scores * ((scores > sure) & (scores == best))
    nroi, exists = kmeans(x, valid & (best[:, 0] < unlike), num_clusters, generator)
    return Parts(x, F.normalize(torch.bmm(weight, x), dim=2, eps=EPS), weight.sum(2) > 0,
                 F.normalize(nroi, dim=2, eps=EPS), exists)


@torch.no_grad()
def nroi_shares(feature, seeds, present, valid, generator, num_clusters=8, sure=0.8, unlike=0.2, tau=0.1, prior=0.3,
                gallery=None, margin=0.1):
    """How far each pixel belongs to each class rather than to the background of its image.

    A pixel's shares are the softmax of its cosines over ``tau`` to the classes' prototypes and to the nearest NROI of
    its image (``image_parts``). With a gallery the prototypes are those of the classes in all its images, where it has
    them, and the background of a class is also what images without that class look like.

    Args:
        feature (Tensor): (N, L, H, W).
        seeds (Tensor): (N, C, H, W) in [0, 1], scores of the foreground classes.
        present (Tensor): (N, C) bool, the image-level labels.
        valid (Tensor): (N, H, W) bool.
        generator (torch.Generator): on the device of ``feature``; draws the start of k-means.
        num_clusters (int): K, NROIs of an image.
        sure, unlike (float): in [0, 1].
        tau (float): temperature, > 0.
        prior (float): share that is moved to one half, in (0, 1). The nearest of several NROIs is nearer than one
            prototype, so an even pixel has less than half.
        gallery (NROIGallery | None): of other images too, with the same classes.
        margin (float): cosine by which the nearest NROI of the gallery counts less than one of the image.

    Returns:
        tuple[Tensor, Tensor]: shares (N, C, H, W) in [0, 1]; and (N, C) bool, the classes that have a prototype in
        their image and a background. The shares of others are 0 and say nothing.
    """
    parts = image_parts(feature, seeds, present, valid, generator, num_clusters, sure, unlike)
    return compare(parts, present, tau, prior, gallery, margin, seeds.shape)


@torch.no_grad()
def compare(parts, present, tau, prior, gallery, margin, shape):
    """``nroi_shares`` of ``Parts``, in the ``shape`` (N, C, H, W)."""
    prototypes, exists, x = parts.prototypes, parts.exists, parts.pixels.transpose(1, 2)
    if gallery is not None:
        prototypes = torch.where(gallery.prototypes.any(1)[:, None], gallery.prototypes, prototypes)
        exists = exists & ~of_the_object(parts.nroi, prototypes, present, gallery)
    background = torch.bmm(parts.nroi, x).masked_fill(~exists[..., None], NONE).amax(1, keepdim=True)
    if gallery is not None:
        background = torch.maximum(background, elsewhere(x, present, gallery) - margin)
    known = present & parts.sure & (background > NONE / 2).all(2)
    classes = (torch.bmm(prototypes, x) / tau).masked_fill(~known[..., None], -torch.inf)
    total = torch.logaddexp(background / tau, classes.logsumexp(1, keepdim=True))
    shares = (classes - total).exp()
    odds = shares * (1 - prior)
    shares = odds / (odds + (1 - shares) * prior)
    return shares.view(shape) * known[..., None, None], known


def map_cross_entropy(maps, shares, known, valid, level=0.4, width=0.15):
    """Binary cross-entropy of class maps against ``nroi_shares``, object and background weighing the same.

    What counts of a map is its height relative to its highest valid pixel: the image logits, which are a mean of the
    map, keep the say over its scale. Where the root mean square of the map is larger, as of one that is negative but
    for a small peak, that takes the place of the peak: divided by its peak alone such a map would drown all others.

    Args:
        maps (Tensor): (N, C, H, W), raw, with gradient.
        shares, known: of ``nroi_shares``.
        valid (Tensor): (N, H, W) bool.
        level (float): relative height at which a pixel is as much object as background.
        width (float): difference of relative height by which the log odds change by 1, > 0.

    Returns:
        Tensor: the mean, over the known classes of the images with a positive map, of half the mean over the object and
        half the mean over the rest, where a pixel counts by its share; a connected 0 when there is none.
    """
    counted, maps = valid.flatten(1)[:, None], maps.flatten(2)
    peak = maps.masked_fill(~counted, -torch.inf).amax(2)
    known = known & (peak > 0)
    mean_square = (maps.square() * counted).sum(2) / counted.sum(2).clamp(min=1)
    scale = torch.maximum(peak, mean_square.where(known, 1).sqrt())
    logits = (maps / scale[..., None] - level) / width
    inside, outside = (share.flatten(2) * counted for share in (shares, 1 - shares))
    halves = ((F.softplus(-logits), inside), (F.softplus(logits), outside))
    loss = sum((loss * weight).sum(2) / weight.sum(2).clamp(min=EPS) for loss, weight in halves) / 2
    return loss.where(known, 0).sum() / known.sum().clamp(min=1)
