"""Random batches, and a step of FBR put together from the core's pieces, for the tests beside this file."""
import torch

from mmfbr.core import PixelView, background_bce, contrast, decoupling
from mmfbr.core.contrast import grouped_contrast, mean_over_classes


def view_of(scores, labels, valid, bg_index=0, rate=0.4, quantile=0.25, divisor=32):
    """A view with S = P = ``scores``, as a segmentation host has it."""
    target = None if bg_index is None else labels == bg_index
    return PixelView(scores, scores, labels, valid, target, rate, quantile, divisor)


def random_batch(seed=0, n=3, classes=5, size=(6, 7), channels=8, dtype=torch.float64, bg_index=0, **view):
    """Embeddings z_fg, z_bg (N, H, W, D) and a view; a fifth of the pixels and the last image do not count."""
    g = torch.Generator().manual_seed(seed)
    z_fg, z_bg = torch.randn(2, n, *size, channels, generator=g, dtype=dtype).relu()
    scores = torch.randn(n, classes, *size, generator=g, dtype=dtype).mul(2).softmax(1)
    labels = torch.randint(classes, (n, *size), generator=g)
    valid = torch.rand(n, *size, generator=g) < 0.8
    valid[-1] = False
    return z_fg, z_bg, view_of(scores, labels, valid, bg_index, **view)


def rows_of(z_fg):
    """What gives a sampler the embeddings of the pixels it asks for."""
    return z_fg.detach().flatten(0, 2).__getitem__


def first(maps):
    """Numpy (N, D, H, W), as the reference reads embeddings, of a tensor (N, H, W, D)."""
    return maps.permute(0, 3, 1, 2).detach().numpy()


def terms(z_fg, z_bg, logit, view, bank, sampler, bg_index, generator, tau=0.5):
    """The four losses of a step, by name, as a host puts them together."""
    if bg_index is not None:
        rows, exist = bank.extract(z_bg.flatten(1, 2), (view.valid & (view.labels == bg_index)).flatten(1), generator)
        bank.push(rows.flatten(0, 1), exist.flatten())
    plan = sampler.plan(rows_of(z_fg), view, bg_index, tau, generator)
    pixels, classes = z_fg.flatten(0, 2), len(plan.prototypes)
    query, positive = pixels[plan.queries], plan.prototypes[plan.classes]
    group = torch.searchsorted(plan.groups, plan.classes)
    fb = contrast(query, positive, bank.sample(sampler.num_negatives, generator).to(query.dtype), tau) * bank.ready
    fg = grouped_contrast(query, positive, group, pixels.detach()[plan.negatives], tau)
    contrasted = plan.keep & plan.contrasted[group]
    found = {'fb': mean_over_classes(fb, plan.classes, plan.keep, classes),
             'if': mean_over_classes(fg, plan.classes, contrasted, classes)}
    if bg_index is not None:
        found['decouple'] = decoupling(z_fg, z_bg, view.valid)
        found['bg_seg'] = background_bce(logit, view.background_target, view.valid)
    return found
