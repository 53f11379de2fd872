"""The losses on pixels that were already chosen: contrast, decoupling, background segmentation."""
import math

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from . import sync
from .rows import Cosines, Unit

EPS = 1e-12
BLOCK = 32


def unit(x):
    """Rows of length 1, or 0 where a row is 0."""
    return Unit.apply(x, EPS)


def contrast(queries, positives, negatives, tau, debias=0.0, hardness=0.0):
    """-log softmax at the positive of logits (Q, 1 + M), positive first (Eq. 7 and 9), per query.

    Args:
        queries (Tensor): (Q, D), with gradient.
        positives (Tensor): (Q, D).
        negatives (Tensor): (M, D), shared by all queries, or (Q, M, D).
        tau (float): temperature, > 0.
        debias, hardness (float): see ``info_nce``.

    Returns:
        Tensor: (Q,).
    """
    q, n = unit(queries), unit(negatives)
    against = q @ n.T if n.ndim == 2 else torch.bmm(n, q[..., None])[..., 0]
    return info_nce((q * unit(positives)).sum(1), against, tau, debias, hardness)


def grouped_contrast(queries, positives, group, negatives, tau, debias=0.0, hardness=0.0):
    """``contrast`` for queries (Q, D), ascending in ``group`` (Q,), that share the negatives (G, M, D) of their group,
    which carry no gradient.

    On a device the queries of a group fill blocks of equal size, so that one batched product serves all groups and no
    size depends on a count; where counts are free each group has a product of its own, of just its queries.
    """
    count = group.new_zeros(len(negatives)).scatter_add_(0, group, torch.ones_like(group))
    q, n = unit(queries), unit(negatives)
    if sync.is_free(group):
        against = GroupProducts.apply(q, n, count.tolist())
    else:
        against = _blocked_products(q, n, group, count)
    return info_nce((q * unit(positives)).sum(1), against, tau, debias, hardness)


class GroupProducts(Function):
    """Products (Q, M) of ``q`` (Q, D) with the rows of ``n`` (G, M, D), which has no gradient: the first ``count[0]``
    with those of ``n[0]``, and so on."""

    @staticmethod
    def forward(ctx, q, n, count):
        products = q.new_empty(len(q), n.shape[1])
        for own, rows, out in zip(q.split(count), n, products.split(count), strict=True):
            torch.mm(own, rows.T, out=out)
        ctx.save_for_backward(n)
        ctx.count = count
        return products

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        n, = ctx.saved_tensors
        to_q = gradient.new_empty(len(gradient), n.shape[2])
        for own, rows, out in zip(gradient.split(ctx.count), n, to_q.split(ctx.count), strict=True):
            torch.mm(own, rows, out=out)
        return to_q, None, None


def _blocked_products(q, n, group, count):
    """Products (Q, M) of ``q`` (Q, D) with the rows of ``n`` (G, M, D) of their groups, which have ``count`` (G,)."""
    blocks = (count + BLOCK - 1) // BLOCK
    first_block, first_row = blocks.cumsum(0) - blocks, count.cumsum(0) - count
    row = torch.arange(len(group), device=group.device)
    slot = first_block[group] * BLOCK + row - first_row[group]
    total = min(len(group), len(group) // BLOCK + len(n))  # a bound that needs no count from the device
    filled = group.new_zeros(total * BLOCK).scatter_(0, slot, row)
    block = torch.arange(total, device=group.device)
    owner = torch.searchsorted(blocks.cumsum(0), block, right=True).clamp(max=len(n) - 1)
    return torch.bmm(q[filled].view(total, BLOCK, q.shape[1]), n[owner].transpose(1, 2)).flatten(0, 1)[slot]


def info_nce(positive, negative, tau, debias=0.0, hardness=0.0):
    """-log softmax at the positive, (Q,), of cosines ``positive`` (Q,) and ``negative`` (Q, M).

    Two changes to the sum over the negatives, neither of them the paper's:

    Args:
        debias (float): in [0, 1), the share of the negatives that is taken to be of the query's own kind; as much of
            the positive's term is taken off their mean (Chuang et al., NeurIPS 2020).
        hardness (float): >= 0; negatives count by e^(hardness * cos / tau), without a gradient through this weight
            (Robinson et al., ICLR 2021).
    """
    if debias or hardness:
        return _reweighted(positive / tau, negative / tau, 1 / tau, debias, hardness)
    return InfoNCE.apply(positive, negative, 1 / tau)


class InfoNCE(Function):
    """-log softmax at the positive, (Q,), of logits (Q, 1 + M): cosines ``positive`` (Q,) and ``negative`` (Q, M) times
    a number ``scale``. Autograd's own way to the gradient takes twice the passes over the negatives."""

    @staticmethod
    def forward(ctx, positive, negative, scale):
        top = torch.maximum(negative.amax(1), positive)
        weights = (negative - top[:, None]).mul_(scale).exp_()
        gap = (positive - top).mul_(scale)
        total = weights.sum(1).add_(gap.exp())
        ctx.save_for_backward(weights, total)
        ctx.scale = scale
        return total.log() - gap

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        weights, total = ctx.saved_tensors
        to_negative = weights * (gradient * ctx.scale / total)[:, None]
        return -to_negative.sum(1), to_negative, None


def _reweighted(positive, negative, most, debias, hardness):
    """``info_nce`` of logits that are at most ``most``, with its two changes."""
    log_weight = (hardness * negative.detach()).log_softmax(1)
    # Relative to e^most, so that nothing overflows at a small temperature.
    mean = ((negative + log_weight).logsumexp(1) - most).exp()
    mean = (mean - debias * (positive - most).exp()) / (1 - debias)
    least = max(math.exp(-2 * most), torch.finfo(mean.dtype).tiny)  # of a cosine of -1
    log_sum = mean.clamp(min=least).log() + most + math.log(negative.shape[1])
    return torch.logaddexp(positive, log_sum) - positive


def mean_over_classes(loss, classes, keep, num_classes):
    """Mean over the classes with kept queries of the mean over their queries; a connected 0 when there is none.

    Args:
        loss (Tensor): (Q,), finite.
        classes (Tensor): (Q,) int64.
        keep (Tensor): (Q,) bool; or weights >= 0, by which the queries of a class count.
    """
    keep = keep.to(loss.dtype)
    count = torch.zeros(num_classes, dtype=loss.dtype, device=loss.device).scatter_add_(0, classes, keep)
    weight = keep / count.where(count > 0, 1)[classes]
    return (loss * weight).sum() / (count > 0).sum().clamp(min=1)


def decoupling(z_fg, z_bg, valid):
    """Mean over the valid pixels of the cosine of ``z_fg`` and ``z_bg`` (..., D); 0, connected, without any."""
    cosines = Cosines.apply(z_fg.flatten(0, -2), z_bg.flatten(0, -2), EPS)
    return (cosines * valid.flatten()).sum() / valid.sum().clamp(min=1)


def background_bce(logit, target, valid):
    """Mean binary cross-entropy of ``logit`` and ``target`` (bool) over valid pixels (Eq. 6); a connected 0 of none."""
    loss = F.binary_cross_entropy_with_logits(logit, target.to(logit.dtype), reduction='none')
    return (loss * valid).sum() / valid.sum().clamp(min=1)
