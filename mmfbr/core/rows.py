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

ROWS = 2048


def blocks(tensors, rows, like, most=None):
    """Tuples of as many entries of ``tensors`` at a time, each of ``rows`` rows, as have ``most`` (``ROWS``) rows or
    reach beyond; all of them where not the cache but the number of kernels counts: on a device."""
    number = len(tensors[0])
    step = max(1, -(-(most or ROWS) // rows)) if sync.is_free(like) else max(number, 1)
    return zip(*(tensor.split(step) for tensor in tensors), strict=True)


class NormReluLinear(Function):
    """``w . relu(drop(norm(x))) + b``, (P,), of rows ``x`` (P, D): the layers of Eq. 6.

    Args (of ``apply``):
        x (Tensor): (P, D).
        share (Tensor): (P,), what a row counts in mean and variance; sums to 1, or is 0.
        noise (Tensor | None): (P, D) int8; dropout takes away the numbers whose noise is below ``least`` (int).
        scale, shift (Tensor): (D,), of the normalisation. w (Tensor): (D,). b (Tensor): (1,).
        eps (float): added to the variance.
    """

    @staticmethod
    def forward(ctx, x, share, noise, least, scale, shift, w, b, eps):
        first = share[:ROWS]
        pivot = first @ x[:ROWS] / first.sum().clamp(min=torch.finfo(x.dtype).tiny)  # near the mean: one pass for both
        moments = torch.zeros_like(pivot), torch.zeros_like(pivot)
        for rows, s in blocks((x, share), 1, x):
            gap = rows - pivot
            moments[0].addmv_(gap.t(), s)
            moments[1].addmv_(gap.square_().t(), s)
        mean = pivot + moments[0]
        variance = (moments[1] - moments[0].square()).clamp(min=0)
        rstd = (variance + eps).rsqrt()
        y, logit, factor = torch.empty_like(x), x.new_empty(len(x)), scale * rstd
        for rows, out, to, *drawn in blocks((x, y, logit) if noise is None else (x, y, logit, noise), 1, x):
            torch.addcmul(shift, torch.sub(rows, mean, out=out), factor, out=out)
            if drawn:  # a comparison that writes floats, since a cast of bools takes ten times as long
                out.mul_(drawn[0].to(x.dtype).ge_(least))  # before the ReLU, which does not mind
            torch.addmv(b, out.relu_(), w, out=to)
        ctx.save_for_backward(x, share, y, mean, rstd, factor, w)
        return logit

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, share, y, mean, rstd, factor, w = ctx.saved_tensors
        to_x, to_b = torch.empty_like(x), gradient.sum(0, keepdim=True)
        to_w, to_scale, to_shift = (torch.zeros_like(mean) for _ in range(3))
        for rows, passed, out, g in blocks((x, to_x, y, gradient), 1, x):
            # Where the output is above 0 neither ReLU nor dropout stood in the way.
            aten.threshold_backward(g[:, None].expand_as(out), out, 0, grad_input=passed)
            to_w.addmv_(out.t(), g)
            to_shift += passed.sum(0)
            to_scale += (rows - mean).mul_(passed).sum(0)
        to_shift *= w
        to_scale *= w * rstd
        along, across = -factor * rstd * to_scale, -factor * to_shift
        for rows, to_rows, s in blocks((x, to_x, share), 1, x):
            through_moments = (rows - mean).mul_(along).add_(across).mul_(s[:, None])
            torch.addcmul(through_moments, to_rows, w * factor, out=to_rows)
        return to_x, None, None, None, to_scale, to_shift, to_w, to_b, None


class Cosines(Function):
    """Cosines (P,) of the rows of ``a`` and ``b`` (P, D), where a length below ``eps`` counts as ``eps``."""

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
        to_a, to_b, along = torch.empty_like(a), torch.empty_like(b), -gradient * cosine
        factors = (gradient * inverse_a * inverse_b, along * long_a * inverse_a.square(),
                   along * long_b * inverse_b.square())
        for x, y, to_x, to_y, *factor in blocks((a, b, to_a, to_b, *factors), 1, a):
            across, along_x, along_y = (f[:, None] for f in factor)
            torch.mul(y, across, out=to_x).addcmul_(x, along_x)
            torch.mul(x, across, out=to_y).addcmul_(y, along_y)
        return to_a, to_b, None


class Unit(Function):
    """Rows of ``x`` (..., D) over their lengths, where a length below ``eps`` counts as ``eps``."""

    @staticmethod
    def forward(ctx, x, eps):
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = length.clamp(min=eps).reciprocal()
        y = x * inverse
        ctx.save_for_backward(y, inverse, length >= eps)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        y, inverse, long = ctx.saved_tensors
        along = (gradient * y).sum(-1, keepdim=True).mul_(long)
        return torch.addcmul(gradient, y, along, value=-1).mul_(inverse), None
