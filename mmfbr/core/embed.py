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
    """Embeds those pixels alone that are asked for, image by image; queries whose ``rows`` were asked for last are not
    embedded twice. Arguments and methods of ``AllPixels``."""

    def __init__(self, f, w_fg, w_bg, sample):
        self._inputs, self._sample = (f, w_fg, w_bg), sample
        self._z_fg, self._place = None, torch.full((f.shape[0] * f.shape[2],), -1)  # a pixel's row of z_fg

    def rows(self, index):
        f, w_fg, _ = (x.detach() for x in self._inputs)
        z = torch.empty(len(index), len(w_fg), dtype=f.dtype)
        for image, (at, own) in zip(f, _by_image(index, f), strict=True):
            z[at] = _columns(image, own).t() @ w_fg.t()
        self._z_fg = _float(z).relu_()
        self._place.fill_(-1)[index] = torch.arange(len(index))
        return self._z_fg

    def embed(self, queries):
        if self._z_fg is None or (self._place[queries] < 0).any():
            self.rows(queries)
        return Embeddings(*EmbedSome.apply(*self._inputs, self._sample, queries, self._z_fg[self._place[queries]]))


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
            images = iter(_by_image(queries, f))
        for part, to_part, z_fg, z_bg, g_fg, raw, g_bg in blocks(every, f.shape[2], f):
            fg = aten.threshold_backward(g_fg, z_fg, 0)
            if sync.is_free(f):
                for image in fg:
                    at, own = next(images)
                    image.index_add_(0, own, rows[at])
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
    """``z_fg``, z_bg before and after its ReLU, each (N, S, D), of the pixels ``sample``, and ``query`` (Q, D) as it is
    given, z_fg of the pixels ``queries``, counted through the batch; of the arguments of ``embedder``."""

    @staticmethod
    def forward(ctx, f, w_fg, w_bg, sample, queries, query):
        columns = [_columns(image, torch.cat([drawn, own]))
                   for image, drawn, (_, own) in zip(f, sample, _by_image(queries, f), strict=True)]
        z_fg, raw_bg = (torch.empty(*sample.shape, len(w), dtype=f.dtype) for w in (w_fg, w_bg))
        for x, fg, bg in zip(columns, z_fg, raw_bg, strict=True):
            torch.mm(x[:, :len(fg)].t(), w_fg.t(), out=fg)
            torch.mm(x[:, :len(bg)].t(), w_bg.t(), out=bg)
        z_fg, raw_bg = _float(z_fg).relu_(), _float(raw_bg)
        z_bg = raw_bg.relu()
        ctx.save_for_backward(f, w_fg, w_bg, sample, queries, z_fg, z_bg, query, *columns)
        return z_fg, raw_bg, z_bg, query.view_as(query)

    @staticmethod
    @once_differentiable
    def backward(ctx, g_fg, raw, g_bg, of_queries):
        f, w_fg, w_bg, sample, queries, z_fg, z_bg, query, *columns = ctx.saved_tensors
        to_f = torch.empty_like(f) if ctx.needs_input_grad[0] else None
        to_fg, to_bg = (torch.zeros_like(w.t()) for w in (w_fg, w_bg))
        g_fg, of_queries = (aten.threshold_backward(g, z, 0).to(f.dtype)
                            for g, z in ((g_fg, z_fg), (of_queries, query)))
        g_bg, drawn = aten.threshold_backward(g_bg, z_bg, 0).add_(raw).to(f.dtype), sample.shape[1]
        for n, (x, (at, own)) in enumerate(zip(columns, _by_image(queries, f), strict=True)):
            fg = torch.cat([g_fg[n], of_queries[at]])
            to_fg.addmm_(x, fg)
            to_bg.addmm_(x[:, :drawn], g_bg[n])
            if to_f is not None:
                to_x = w_fg.t() @ fg.t()
                to_x[:, :drawn].addmm_(w_bg.t(), g_bg[n].t())
                _add_columns(to_f[n].zero_(), torch.cat([sample[n], own]), to_x)
        return to_f, to_fg.t(), to_bg.t(), None, None, None


def _product(f, w):
    """Rows (N, P, D) of a map ``f`` (N, L, P) under ``w`` (D, L)."""
    return torch.bmm(f.transpose(1, 2), w.t().expand(len(f), -1, -1))


def _by_image(index, f):
    """For each image of ``f`` (N, L, P) which entries of ``index``, of pixels counted through the batch, are its own,
    and their numbers in it."""
    order = index.argsort()
    image, pixel = index[order].div(f.shape[2], rounding_mode='floor'), index[order] % f.shape[2]
    count = image.bincount(minlength=len(f)).tolist()
    return zip(order.split(count), pixel.split(count), strict=True)


def _columns(image, index):
    """``image`` (L, P) at the pixels ``index`` (R,), as (L, R), read as it lies in memory."""
    if image.stride(0) == 1 and image.stride(1) > 1:
        return image.t().index_select(0, index).t()
    return image.gather(1, index.expand(len(image), -1))


def _add_columns(image, index, values):
    if image.stride(0) == 1 and image.stride(1) > 1:
        image.t().index_add_(0, index, values.t())
    else:
        image.scatter_add_(1, index.expand(len(image), -1), values)


def _float(z):
    if z.dtype == torch.float16:
        z.clamp_(-65504, 65504)  # a sum beyond float16 is infinite, and so would be its length
    return z.float()
