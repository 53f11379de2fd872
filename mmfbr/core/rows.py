"""What a step does at every pixel, its gradients written out: a pass over the rows of all pixels costs as much as a
small product, and autograd's own derivatives take three times as many and keep what they could compute again."""
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.ops import aten


class Project(Function):
    """Rows (N, P, D) of a map ``f`` (N, L, P) under each of two weights (D, L).

    Two products that write rows at once: one for both weights would give rows of 2 D, which all that follows reads and
    writes slower than it gains, and so would turning (N, D, P) into rows afterwards.
    """

    @staticmethod
    def forward(ctx, f, first, second):
        ctx.save_for_backward(f, first, second)
        rows = f.transpose(1, 2)
        return tuple(torch.bmm(rows, weight.t().expand(len(f), -1, -1)) for weight in (first, second))

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients):
        f, *weights = ctx.saved_tensors
        rows, to_f = f.transpose(1, 2), None
        if ctx.needs_input_grad[0]:
            # Both into one map, in the layout of ``f``: of 2048 channels it is by far the largest tensor of FBR.
            as_rows, number = rows.is_contiguous(), len(f)
            for gradient, weight in zip(gradients, weights, strict=True):
                factors = (gradient, weight.expand(number, -1, -1)) if as_rows else (
                    weight.t().expand(number, -1, -1), gradient.transpose(1, 2))
                to_f = torch.bmm(*factors) if to_f is None else to_f.baddbmm_(*factors)
            to_f = to_f.transpose(1, 2) if as_rows else to_f
        to_weights = (torch.addbmm(weight.new_zeros(weight.shape[::-1]), f, gradient).t() if needed else None
                      for weight, gradient, needed in zip(weights, gradients, ctx.needs_input_grad[1:], strict=True))
        return to_f, *to_weights


class NormReluLinear(Function):
    """``w . relu(drop(norm(x))) + b``, (P,), of rows ``x`` (P, D): the layers of Eq. 6.

    Args (of ``apply``):
        x (Tensor): (P, D).
        share (Tensor): (P,), what a row counts in mean and variance; sums to 1, or is 0.
        kept (Tensor | None): (P, D) bool, what dropout leaves.
        scale, shift (Tensor): (D,), of the normalisation. w (Tensor): (D,). b (Tensor): (1,).
        eps (float): added to the variance.
    """

    @staticmethod
    def forward(ctx, x, share, kept, scale, shift, w, b, eps):
        mean = share @ x
        y = x - mean
        rstd = (share @ y.square() + eps).rsqrt()
        torch.addcmul(shift, y, scale * rstd, out=y)
        if kept is not None:
            y.mul_(kept)  # before the ReLU, which does not mind
        y.relu_()
        ctx.save_for_backward(x, share, y, mean, rstd, scale, w)
        return y @ w + b

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, share, y, mean, rstd, scale, w = ctx.saved_tensors
        to_w, to_b = gradient @ y, gradient.sum(0, keepdim=True)
        # Where y is above 0 neither ReLU nor dropout stands in the way. The factor w follows in (D,).
        through = aten.threshold_backward(gradient[:, None].expand_as(y), y, 0)
        normal = (x - mean).mul_(rstd)
        to_shift, to_scale = w * through.sum(0), w * (through * normal).sum(0)
        factor = scale * rstd
        to_x = normal.mul_(-to_scale).sub_(to_shift).mul_(share[:, None]).mul_(factor)
        return to_x.addcmul_(through, factor * w), None, None, to_scale, to_shift, to_w, to_b, None


class Cosine(Function):
    """Cosines (...) of the rows of ``a`` and ``b`` (..., D); a length below ``eps`` counts as ``eps``."""

    @staticmethod
    def forward(ctx, a, b, eps):
        lengths = [torch.linalg.vector_norm(x, dim=-1) for x in (a, b)]
        inverse = [length.clamp(min=eps).reciprocal() for length in lengths]
        cosine = (a * b).sum(-1) * inverse[0] * inverse[1]
        ctx.save_for_backward(a, b, cosine, *inverse, *(length >= eps for length in lengths))
        return cosine

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        a, b, cosine, inverse_a, inverse_b, long_a, long_b = ctx.saved_tensors
        across, along = gradient * inverse_a * inverse_b, -gradient * cosine

        def to(own, other, inverse, long):
            return (other * across[..., None]).addcmul_(own, (along * long * inverse * inverse)[..., None])
        return to(a, b, inverse_a, long_a), to(b, a, inverse_b, long_b), None
