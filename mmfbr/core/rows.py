"""What a step does at every pixel, its gradients written out.

A pass over the rows of all pixels costs as much as a small product, and most of that is memory that was not in use just
before. Autograd's own derivatives take several times the passes, each into new memory. Here what is needed for a moment
is made for as many rows at a time as stay in a CPU's cache.
"""
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.ops import aten

from . import sync

ROWS = 1024


def blocks(tensors, rows, like, most=ROWS):
    """Tuples of as many entries of ``tensors`` at a time, each of ``rows`` rows, as have ``most`` rows or reach beyond;
    all of them where not the cache but the number of kernels counts: on a device."""
    number = len(tensors[0])
    step = max(1, -(-most // rows)) if sync.is_free(like) else max(number, 1)
    return zip(*(tensor.split(step) for tensor in tensors), strict=True)


class Embed(Function):
    """``relu(z_fg)``, z_bg and ``relu(z_bg)``, rows (N, P, D) in float32, of a map ``f`` (N, L, P) under two weights
    (D, L) of its type (method: symbols Z_fg, Z_bg).

    The products write rows, one each: to turn (N, D, P) into rows afterwards, or to read every other row of a common
    product, takes longer than one product for both weights would gain.
    """

    @staticmethod
    def forward(ctx, f, w_fg, w_bg):
        fg, bg = (_float(torch.bmm(f.transpose(1, 2), w.t().expand(len(f), -1, -1))) for w in (w_fg, w_bg))
        z_fg, z_bg = fg.relu_(), bg.relu()
        ctx.save_for_backward(f, w_fg, w_bg, z_fg, z_bg)
        return z_fg, bg, z_bg

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients):
        f, *weights, z_fg, z_bg = ctx.saved_tensors
        to_f = torch.empty_like(f) if ctx.needs_input_grad[0] else None  # in the layout of the host
        to_weights = [torch.zeros_like(w.t()) for w in weights]
        every = (f, f if to_f is None else to_f, z_fg, z_bg, *gradients)
        for part, to_part, z_fg, z_bg, g_fg, raw, g_bg in blocks(every, f.shape[2], f):
            bg = aten.threshold_backward(g_bg, z_bg, 0).add_(raw)
            rows = [g.to(f.dtype) for g in (aten.threshold_backward(g_fg, z_fg, 0), bg)]
            for to_w, g in zip(to_weights, rows, strict=True):
                torch.addbmm(to_w, part, g, out=to_w)
            if to_f is not None:
                fg, bg = (w.t().expand(len(part), -1, -1) for w in weights)
                torch.bmm(fg, rows[0].transpose(1, 2), out=to_part)
                to_part.baddbmm_(bg, rows[1].transpose(1, 2))
        return to_f, *(w.t() for w in to_weights)


def _float(z):
    if z.dtype == torch.float16:
        z.clamp_(-65504, 65504)  # a sum beyond float16 is infinite, and so would be its length
    return z.float()


class NormReluLinear(Function):
    """``w . relu(drop(norm(x))) + b``, (P,), of rows ``x`` (P, D): the layers of Eq. 6.

    Args (of ``apply``):
        x (Tensor): (P, D).
        share (Tensor): (P,), what a row counts in mean and variance; sums to 1, or is 0.
        kept (Tensor | None): (P, D) bool, False where dropout takes a number away.
        scale, shift (Tensor): (D,), of the normalisation. w (Tensor): (D,). b (Tensor): (1,).
        eps (float): added to the variance.
    """

    @staticmethod
    def forward(ctx, x, share, kept, scale, shift, w, b, eps):
        mean = share @ x
        variance = sum(s @ (rows - mean).square_() for rows, s in blocks((x, share), 1, x))
        rstd = (variance + eps).rsqrt()
        y, logit, factor = torch.empty_like(x), x.new_empty(len(x)), scale * rstd
        for rows, out, to, *keep in blocks((x, y, logit) if kept is None else (x, y, logit, kept), 1, x):
            torch.addcmul(shift, torch.sub(rows, mean, out=out), factor, out=out)
            if keep:
                out.mul_(keep[0].to(x.dtype))  # before the ReLU, which does not mind
            torch.addmv(b, out.relu_(), w, out=to)
        ctx.save_for_backward(x, share, y, mean, rstd, scale, w)
        return logit

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, share, y, mean, rstd, scale, w = ctx.saved_tensors
        to_x, to_w, to_b = torch.empty_like(x), gradient @ y, gradient.sum(0, keepdim=True)
        to_scale, to_shift = torch.zeros_like(mean), torch.zeros_like(mean)
        for rows, to_rows, out, g in blocks((x, to_x, y, gradient), 1, x):
            # Where the output is above 0 neither ReLU nor dropout stood in the way.
            torch.mul(aten.threshold_backward(g[:, None].expand_as(out), out, 0), w, out=to_rows)
            to_shift += to_rows.sum(0)
            to_scale += ((rows - mean) * to_rows).sum(0)
        to_scale *= rstd
        for rows, to_rows, s in blocks((x, to_x, share), 1, x):
            to_rows.sub_((rows - mean).mul_(rstd * to_scale).add_(to_shift).mul_(s[:, None])).mul_(scale * rstd)
        return to_x, None, None, to_scale, to_shift, to_w, to_b, None


class Cosine(Function):
    """Cosines (P,) of the rows of ``a`` and ``b`` (P, D); a length below ``eps`` counts as ``eps``."""

    @staticmethod
    def forward(ctx, a, b, eps):
        inner = torch.cat([(x * y).sum(1) for x, y in blocks((a, b), 1, a)])
        lengths = [torch.linalg.vector_norm(x, dim=1) for x in (a, b)]
        inverse = [length.clamp(min=eps).reciprocal() for length in lengths]
        cosine = inner * inverse[0] * inverse[1]
        ctx.save_for_backward(a, b, cosine, *inverse, *(length >= eps for length in lengths))
        return cosine

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        a, b, cosine, inverse_a, inverse_b, long_a, long_b = ctx.saved_tensors
        across, along = (gradient * inverse_a * inverse_b)[:, None], -gradient * cosine

        def to(own, other, inverse, long):
            return (other * across).addcmul_(own, (along * long * inverse * inverse)[:, None])
        return to(a, b, inverse_a, long_a), to(b, a, inverse_b, long_b), None
