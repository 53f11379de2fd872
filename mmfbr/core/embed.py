"""Z_fg and Z_bg of a feature map under the projections, of all its pixels or of those that are read; the gradients
written out."""
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.ops import aten

from . import sync
from .rows import blocks


class Embeddings(NamedTuple):
    """What FBR learns from. A pixel's embedding is one contiguous row: sampling, k-means and cosines read rows."""
    z_fg: Tensor
    """(N, S, D), float32, >= 0, of the pixels that were drawn, or of all."""
    raw_bg: Tensor
    """(N, S, D), float32, of the same: Z_bg before its ReLU."""
    z_bg: Tensor
    """(N, S, D), float32, >= 0."""
    query: Tensor
    """(Q, D), float32, >= 0: Z_fg of the queries."""


def embedder(f, w_fg, w_bg, sample=None):
    """``AllPixels`` or ``SomePixels``, whichever is faster.

    Args:
        f (Tensor): map (N, L, P).
        w_fg, w_bg (Tensor): projections (D, L) of its type.
        sample (Tensor | None): (N, S) int64, distinct pixels of each image that are to be embedded. None: all.
    """
    if sample is None or not sync.is_free(f):
        return AllPixels(f, w_fg, w_bg, sample)
    return SomePixels(f, w_fg, w_bg, sample)


class AllPixels:
    """Embeds all pixels in one product for each projection, then takes those that are asked for: where products cost
    little, or all are asked for. Arguments of ``embedder``."""

    def __init__(self, f, w_fg, w_bg, sample=None):
        self._inputs, self._sample = (f, w_fg, w_bg), sample
        self._z_fg = _float(_product(f.detach(), w_fg.detach())).relu_()

    def rows(self, index):
        """Z_fg (R, D), without gradient, of pixels ``index`` (R,) counted through the batch, 0 to N * P - 1."""
        return self._z_fg.flatten(0, 1)[index]

    def embed(self, queries):
        """``Embeddings`` with those of ``queries`` (Q,), distinct pixels counted through the batch."""
        *maps, query = EmbedAll.apply(*self._inputs, self._z_fg, queries)
        if self._sample is not None:
            index = self._sample[..., None].expand(-1, -1, self._z_fg.shape[2])
            maps = [z.gather(1, index) for z in maps]
        return Embeddings(*maps, query)


class SomePixels:
    """Embeds those pixels alone that are asked for, and reads them once: the map is larger than a cache. Arguments and
    methods of ``AllPixels``."""

    def __init__(self, f, w_fg, w_bg, sample):
        self._inputs, self._shape = (f, w_fg, w_bg), sample.shape
        self._drawn = (sample + torch.arange(len(f))[:, None] * f.shape[2]).flatten()
        self._place, self._read = torch.full((f.shape[0] * f.shape[2],), -1), None

    def rows(self, index):
        f, w_fg, _ = (x.detach() for x in self._inputs)
        own = index.sort().values
        drawn, columns = _columns(f, self._drawn, own)
        z = _float(columns.t() @ w_fg.t()).relu_()
        self._place.fill_(-1)[own] = torch.arange(len(own))
        self._read = drawn, columns, z
        return z[self._place[index]]

    def embed(self, queries):
        if self._read is None or (self._place[queries] < 0).any():  # a sampler need not have asked for them
            self.rows(queries)
        drawn, columns, z = self._read
        queries, order = queries.sort()
        at = self._place[queries]
        query = torch.empty(len(at), z.shape[1], dtype=z.dtype).index_copy_(0, order, z[at])
        *maps, query = EmbedSome.apply(*self._inputs, self._drawn, queries, drawn, columns.index_select(1, at), query,
                                       order)
        return Embeddings(*(x.unflatten(0, self._shape) for x in maps), query)


class EmbedAll(Function):
    """``z_fg`` (N, P, D) as it is given, z_bg before and after its ReLU, and the rows (Q, D) of ``z_fg`` at ``queries``
    (method: symbols Z_fg, Z_bg), of the arguments of ``embedder``.

    The products write rows, one each: to turn (N, D, P) into rows afterwards, or to read every other row of a common
    product, takes longer than one product for both weights would gain.
    """

    @staticmethod
    def forward(ctx, f, w_fg, w_bg, z_fg, queries):
        raw_bg = _float(_product(f, w_bg))
        z_bg = raw_bg.relu()
        ctx.save_for_backward(f, w_fg, w_bg, z_fg, z_bg, queries)
        return z_fg.view_as(z_fg), raw_bg, z_bg, z_fg.flatten(0, 1)[queries]

    @staticmethod
    @once_differentiable
    def backward(ctx, g_fg, raw, g_bg, of_queries):
        f, *weights, z_fg, z_bg, queries = ctx.saved_tensors
        to_f = torch.empty_like(f) if ctx.needs_input_grad[0] else None  # in the layout of the host
        to_weights = [torch.zeros_like(w.t()) for w in weights]
        every = (f, f if to_f is None else to_f, z_fg, z_bg, g_fg, raw, g_bg)
        rows = aten.threshold_backward(of_queries, z_fg.flatten(0, 1)[queries], 0)
        if sync.is_free(f):
            queries, order = queries.sort()
            images = _by_image(f, queries, rows[order])
        for part, to_part, z_fg, z_bg, g_fg, raw, g_bg in blocks(every, f.shape[2], f):
            fg = aten.threshold_backward(g_fg, z_fg, 0)
            if sync.is_free(f):
                for image in fg:
                    image.index_add_(0, *next(images))
            else:
                fg.flatten(0, 1).index_add_(0, queries, rows)
            bg = aten.threshold_backward(g_bg, z_bg, 0).add_(raw)
            gradients = [g.to(f.dtype) for g in (fg, bg)]
            for to_w, g in zip(to_weights, gradients, strict=True):
                torch.addbmm(to_w, part, g, out=to_w)
            if to_f is not None:
                fg, bg = (w.t().expand(len(part), -1, -1) for w in weights)
                torch.bmm(fg, gradients[0].transpose(1, 2), out=to_part)
                to_part.baddbmm_(bg, gradients[1].transpose(1, 2))
        return to_f, *(w.t() for w in to_weights), None, None


class EmbedSome(Function):
    """``z_fg``, z_bg before and after its ReLU, each (R, D), of the pixels ``drawn`` (R,) of a map ``f`` (N, L, P), and
    ``z_query`` (Q, D) as it is given, z_fg of its pixels ``queries``. Both are counted through the batch and ascend.

    Args (of ``apply``):
        f, w_fg, w_bg (Tensor): see ``embedder``.
        x, x_query (Tensor): (L, R) and (L, Q), what ``f`` has at these pixels.
        order (Tensor): (Q,), the row of ``z_query`` of each of the ``queries``.
    """

    @staticmethod
    def forward(ctx, f, w_fg, w_bg, drawn, queries, x, x_query, z_query, order):
        z_fg, raw_bg = _float(x.t() @ w_fg.t()).relu_(), _float(x.t() @ w_bg.t())
        z_bg = raw_bg.relu()
        ctx.save_for_backward(f, w_fg, w_bg, drawn, queries, x, x_query, z_query, order, z_fg, z_bg)
        return z_fg, raw_bg, z_bg, z_query.view_as(z_query)

    @staticmethod
    @once_differentiable
    def backward(ctx, g_fg, raw, g_bg, of_queries):
        f, w_fg, w_bg, drawn, queries, x, x_query, z_query, order, z_fg, z_bg = ctx.saved_tensors
        g_fg, of_queries = (aten.threshold_backward(g, z, 0).to(f.dtype)
                            for g, z in ((g_fg, z_fg), (of_queries, z_query)))
        g_bg, of_queries = aten.threshold_backward(g_bg, z_bg, 0).add_(raw).to(f.dtype), of_queries[order]
        to_fg, to_bg, to_f = torch.mm(x, g_fg).addmm_(x_query, of_queries), x @ g_bg, None
        if ctx.needs_input_grad[0]:
            to_x = torch.mm(w_fg.t(), g_fg.t()).addmm_(w_bg.t(), g_bg.t())
            to_f = _add_columns(f, (drawn, to_x), (queries, w_fg.t() @ of_queries.t()))
        return to_f, to_fg.t(), to_bg.t(), *[None] * 6


def _product(f, w):
    """Rows (N, P, D) of a map ``f`` (N, L, P) under ``w`` (D, L)."""
    return torch.bmm(f.transpose(1, 2), w.t().expand(len(f), -1, -1))


def _by_image(f, index, values, dim=0):
    """For each image of ``f`` (N, L, P) those of the ascending pixels ``index`` that are its own, counted in it, and
    their part of ``values`` along ``dim``."""
    image = index.div(f.shape[2], rounding_mode='floor')
    count = image.bincount(minlength=len(f)).tolist()
    return zip((index - image * f.shape[2]).split(count), values.split(count, dim), strict=True)


def _columns(f, *indices):
    """What a map ``f`` (N, L, P) has at the pixels of each of ``indices`` (R,), ascending, as (L, R)."""
    if f.transpose(1, 2).is_contiguous():  # channels last: rows
        rows = f.transpose(1, 2).flatten(0, 1)
        return [rows.index_select(0, index).t() for index in indices]
    columns = [torch.empty(f.shape[1], len(index), dtype=f.dtype) for index in indices]
    for image, parts in _parts(f, zip(indices, columns, strict=True)):
        for own, x in parts:
            torch.gather(image, 1, own.expand(len(image), -1), out=x)
    return columns


def _add_columns(f, *given):
    """A map like ``f`` (N, L, P) in its layout, 0 but for the sum of the columns (L, R) of each of ``given``, pairs of
    ascending pixels (R,) and columns."""
    sums = torch.empty_like(f)
    if sums.transpose(1, 2).is_contiguous():
        rows = sums.zero_().transpose(1, 2).flatten(0, 1)
        for index, x in given:
            rows.index_add_(0, index, x.t())
        return sums
    for image, parts in _parts(sums, given):
        image.zero_()
        for own, x in parts:
            image.scatter_add_(1, own.expand(len(image), -1), x)
    return sums


def _parts(f, given):
    """Each image (L, P) of a map, and its own pixels and columns of each of ``given``, pairs as in ``_add_columns``."""
    return zip(f, zip(*(_by_image(f, index, x, 1) for index, x in given), strict=True), strict=True)


def _float(z):
    if z.dtype == torch.float16:
        z.clamp_(-65504, 65504)  # a sum beyond float16 is infinite, and so would be its length
    return z.float()
