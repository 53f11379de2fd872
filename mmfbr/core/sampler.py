"""Active sampling: which foreground pixels are unsure, what stands for their class, what they are contrasted with."""
from dataclasses import dataclass

import torch
from torch import Tensor

from . import sync


@dataclass(frozen=True)
class SamplingPlan:
    """What is contrasted with what, as indices into the N * H * W pixels of the batch.

    Attributes:
        queries (Tensor): (Q,) pixel of each query, the queries of a class next to each other.
        classes (Tensor): (Q,) their classes, ascending.
        keep (Tensor): (Q,) bool; false rows are filling, so that no size depends on a count only the device knows.
        prototypes (Tensor): (C, D), zero rows for classes without one.
        groups (Tensor): (G,) the classes that negatives were drawn for, ascending.
        negatives (Tensor): (G, M) pixels of other foreground classes, shared by the queries of a class.
        against (Tensor): (G, M, D), their embeddings.
        contrasted (Tensor): (G,) bool, false where the class has no other one in the batch.
        candidates (Tensor): unsure pixels before the cap on queries, a count.
    """
    queries: Tensor
    classes: Tensor
    keep: Tensor
    prototypes: Tensor
    groups: Tensor
    negatives: Tensor
    against: Tensor
    contrasted: Tensor
    candidates: Tensor


class ActiveSampler:
    """Draws queries, prototypes and foreground negatives (method: active sampling; Eq. 9's negatives).

    Args:
        num_negatives (int): M, negatives of a query in either contrast, >= 1.
        max_queries (int): bound on the queries of a step and with it on memory. Of more, the classes keep equal numbers
            as far as they have them, drawn at random.
        rate, quantile (float | None): in [0, 1]; how unsure a query is. None: the host's (0.4, 0.25 segmentation;
            0.6, 0.10 CAM).
        prototype_divisor (int | None): a prototype is the mean of the best H * W / divisor pixels. None: the host's
            (32; 16).
        floor (float): scores up to it do not enter the rank.
        class_sampling (str): how a negative's class is drawn: 'graph', the method's, or 'uniform' over the others.

    Raises:
        ValueError: for an argument out of range, with its value.
    """

    def __init__(self, num_negatives=256, max_queries=8192, rate=None, quantile=None, prototype_divisor=None,
                 floor=0.05, class_sampling='graph'):
        for name, value in (('num_negatives', num_negatives), ('max_queries', max_queries),
                            ('prototype_divisor', prototype_divisor)):
            if value is not None and (int(value) != value or value < 1):
                raise ValueError(f'ActiveSampler: {name} must be an integer, at least 1; it is {value!r}.')
        for name, value in (('rate', rate), ('quantile', quantile), ('floor', floor)):
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f'ActiveSampler: {name} must lie in [0, 1]; it is {value!r}.')
        if class_sampling not in ('graph', 'uniform'):
            raise ValueError(f"ActiveSampler: class_sampling must be 'graph' or 'uniform'; it is {class_sampling!r}.")
        self.num_negatives, self.max_queries, self.floor = num_negatives, max_queries, floor
        self.class_sampling = class_sampling
        self.rate, self.quantile, self.prototype_divisor = rate, quantile, prototype_divisor

    @torch.no_grad()
    def plan(self, rows, view, bg_index, tau, generator):
        """The ``SamplingPlan`` of a batch.

        Args:
            rows (function): raw Z_fg (R, D), without gradient, of pixels (R,) counted through the batch.
            view (PixelView): the host's.
            bg_index (int | None): the background's class, never a query nor a negative.
            tau (float): temperature of the class graph.
            generator (torch.Generator): on the device of the view.
        """
        def pick(own, hosts):
            return hosts if own is None else own

        num_classes = view.scores.shape[1]
        label, foreground, score = _own_scores(view.scores, view.labels, view.valid, bg_index)
        unsure = _unsure(score, entropy(view.probabilities), label, view.valid, foreground, num_classes,
                         pick(self.rate, view.rate), pick(self.quantile, view.quantile), self.floor).flatten()
        label, foreground, score = label.flatten(), foreground.flatten(), score.flatten()
        order, start, count = _by_class(score, label, foreground, num_classes)
        best = max(1, view.labels[0].numel() // pick(self.prototype_divisor, view.prototype_divisor))
        z = rows(order)
        means = _class_means(z, torch.arange(len(z), device=z.device), score, label, order, start, count, best)

        query, keep = self._choose(unsure, label, num_classes, generator)
        groups = label[query].unique() if sync.is_free(label) else torch.arange(num_classes, device=label.device)
        alike = means if self.class_sampling == 'graph' else torch.zeros_like(means)
        graph, contrasted = class_graph(alike, count > 0, tau)
        graph, contrasted = graph[groups], contrasted[groups]
        place = query.new_zeros(len(groups), self.num_negatives)
        if len(groups):
            # A class that is alone draws from classes without pixels: the index is kept legal, `contrasted` is false.
            graph = graph + ~contrasted[:, None]
            drawn = torch.multinomial(graph, self.num_negatives, replacement=True, generator=generator)
            uniform = torch.rand(drawn.shape, generator=generator, device=label.device, dtype=torch.float64)
            place = (start[drawn] + (uniform * count[drawn]).long()).clamp(max=len(order) - 1)
        # Filling rows count as the last class, so that the classes ascend.
        classes = label[query].where(keep, num_classes - 1)
        return SamplingPlan(query, classes, keep, means, groups, order[place], z[place], contrasted, unsure.sum())

    def _choose(self, unsure, label, num_classes, generator):
        """At most ``max_queries`` pixels of ``unsure`` by class: indices (Q,) and (Q,) bool, which of them are real."""
        index = unsure.nonzero()[:, 0] if sync.is_free(unsure) else torch.arange(len(unsure), device=unsure.device)
        real = unsure[index]
        by_class = label[index].where(real, num_classes)
        if len(index) > self.max_queries:
            # The r-th pixel of each class in random order comes before the (r + 1)-th of any: small classes are kept
            # whole.
            place = torch.arange(len(index), device=index.device)
            uniform = torch.rand(len(index), generator=generator, device=index.device, dtype=torch.float64)
            shuffled = (by_class + uniform).argsort()
            size = _sizes(by_class, num_classes + 1)
            rank = place.scatter(0, shuffled, place - (size.cumsum(0) - size)[by_class[shuffled]])
            chosen = rank.masked_fill(~real, len(index)).argsort(stable=True)[:self.max_queries]
            index, real, by_class = index[chosen], real[chosen], by_class[chosen]
        sort = by_class.argsort(stable=True)
        return index[sort], real[sort]


def queries(scores, probabilities, labels, valid, bg_index, rate, quantile, floor=0.05):
    """The unsure foreground pixels, (N, H, W) bool (method: queries).

    Args:
        scores, probabilities (Tensor): S and P, (N, C, H, W).
        labels (Tensor): (N, H, W) int64.
        valid (Tensor): (N, H, W) bool.
        bg_index (int | None): the background's class.
        rate, quantile, floor (float): see ``ActiveSampler``.
    """
    label, foreground, score = _own_scores(scores, labels, valid, bg_index)
    return _unsure(score, entropy(probabilities), label, valid, foreground, scores.shape[1], rate, quantile, floor)


def prototypes(z_fg, scores, labels, valid, bg_index, divisor):
    """p_c (C, D) and which classes have one, (C,) bool: S-weighted means over a class's best H * W / divisor pixels.

    Args:
        z_fg (Tensor): (N, H, W, D), raw. Others as in ``queries``.
        divisor (int): see ``ActiveSampler``.
    """
    label, foreground, score = _own_scores(scores, labels, valid, bg_index)
    label, score = label.flatten(), score.flatten()
    order, start, count = _by_class(score, label, foreground.flatten(), scores.shape[1])
    best = max(1, labels[0].numel() // divisor)
    z = z_fg.detach().reshape(-1, z_fg.shape[-1])
    return _class_means(z, order, score, label, order, start, count, best), count > 0


def class_graph(means, present, tau):
    """Probability (C, C) that queries of class c (row) draw negatives of c': softmax over present c' != c of cos/tau.

    A mean that is no number, as of a host that overflows, is like no other: drawing from it must not end the run.

    Returns:
        tuple[Tensor, Tensor]: the graph, a zero row for a class that is absent or alone; and (C,) bool, the other rows.
    """
    unit = torch.nn.functional.normalize(means, dim=1, eps=1e-12)
    own = torch.eye(len(means), dtype=torch.bool, device=means.device)
    edge = present[:, None] & present & ~own
    linked = edge.any(1)
    logits = ((unit @ unit.T).nan_to_num() / tau).masked_fill(~edge & linked[:, None], -torch.inf)
    return logits.softmax(1) * linked[:, None], linked


def _own_scores(scores, labels, valid, bg_index):
    """Legal labels, foreground (N, H, W) bool, and each pixel's score for its own label."""
    label = labels.where(valid, 0)
    foreground = valid if bg_index is None else valid & (label != bg_index)
    return label, foreground, scores.gather(1, label[:, None])[:, 0]


def entropy(probabilities):
    """(N, H, W), of ``probabilities`` (N, C, H, W)."""
    return -(probabilities * (probabilities + 1e-10).log()).sum(1)


def _unsure(score, entropy, label, valid, foreground, num_classes, rate, quantile, floor):
    n = len(label)
    # Rank of a score within its image and class by one sort: the group goes before the score in a float64 key, which
    # holds both exactly (a float32 score in (0.05, 1] needs 29 bits, and there are far fewer than 2^23 groups).
    group = torch.arange(n, device=label.device)[:, None, None] * num_classes + label
    counted = foreground & (score > floor)
    key = 2.0 * group + score.double()
    size = _sizes(group.flatten(), n * num_classes, counted.flatten())
    rank = torch.minimum((rate * size.double()).long(), (size - 1).clamp(min=0))
    ascending = key[counted] if sync.is_free(key) else key.masked_fill(~counted, torch.inf).flatten()
    ascending = ascending.sort().values
    limit = torch.nn.functional.pad(ascending, (0, 1), value=torch.inf)[size.cumsum(0) - size + rank]
    sure = counted & (key > limit[group])
    return foreground & ~sure & (entropy > _quantile(entropy, valid, quantile))


def _quantile(values, valid, quantile):
    """Per image the linearly interpolated quantile of the valid values, (N, 1, 1); inf for an image without any."""
    values = values.masked_fill(~valid, torch.inf).flatten(1)
    needed = min(values.shape[1], int(quantile * (values.shape[1] - 1)) + 2)
    ascending = values.topk(needed, largest=False).values.double()
    place = quantile * (valid.flatten(1).sum(1, keepdim=True) - 1).clamp(min=0).double()
    low, high = ascending.gather(1, place.floor().long()), ascending.gather(1, place.ceil().long())
    share = place - place.floor()
    # From the nearer end, as numpy rounds it.
    mixed = torch.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))
    return torch.where(high.isfinite(), mixed, high)[..., None]


def _by_class(score, label, foreground, num_classes):
    """Foreground pixels by class, best first: their order, where a class starts in it (C,), its size (C,). Where their
    number is not to be read others follow, (N*H*W,) in all."""
    key = 2.0 * label - score.double()
    size = _sizes(label, num_classes, foreground)
    if sync.is_free(key):
        own = foreground.nonzero()[:, 0]
        order = own[key[own].argsort(stable=True)]
    else:
        order = key.masked_fill(~foreground, torch.inf).argsort(stable=True)
    return order, size.cumsum(0) - size, size


def _sizes(group, number, counted=None):
    """How many of ``counted`` (default all) are in each group, (number,); unlike ``bincount`` it asks no device."""
    ones = torch.ones_like(group) if counted is None else counted.long()
    return group.new_zeros(number).scatter_add_(0, group, ones)


def _class_means(z, at, score, label, order, start, count, best):
    """Score-weighted means (C, D) of the ``best`` first pixels of each class; plain means where the scores sum to 0.
    The embeddings of the pixels ``order`` (R,) are the rows ``at`` (R,) of ``z``."""
    place = torch.arange(len(order), device=z.device)
    taken = (place < count.sum()) & (place - start[label[order]] < best)
    if sync.is_free(z):
        at, order, taken = at[taken], order[taken], taken[taken]
    share = torch.zeros(len(start), len(order), dtype=z.dtype, device=z.device)
    share.scatter_(0, label[order][None], (score[order].to(z.dtype) * taken)[None])
    flat = (share.sum(1, keepdim=True) <= 0)
    share = share + torch.zeros_like(share).scatter_(0, label[order][None], taken[None].to(z.dtype)) * flat
    return share @ z[at] / share.sum(1, keepdim=True).clamp(min=torch.finfo(z.dtype).tiny)
