"""The step of FBR as one would write it first: loops over images, classes and queries, one random draw at a time.

It is right: given the same samples it returns what ``FBRLoss`` does. It is here to be timed and compared with.
"""
import torch
from torch.nn import functional as F


class Draws:
    """The random choices of a step, from torch's global stream."""

    def start(self, image, count, clusters):
        """Indices (K,) of the points, of ``count``, that k-means of an image starts from."""
        return torch.randperm(count)[:clusters]

    def foreground(self, query_class, graph, pixels_of, count):
        """Pixels (M,) of other classes for one query: classes by ``graph`` {class: probability}, then their pixels."""
        others = list(graph)
        drawn = torch.multinomial(torch.stack([graph[c] for c in others]), count, replacement=True)
        return torch.cat([pixels_of[c][torch.randint(len(pixels_of[c]), (int((drawn == i).sum()),))]
                          for i, c in enumerate(others)])

    def background(self, bank, count):
        """NROIs (M, D) for one query."""
        return bank[torch.randint(len(bank), (count,))]


def straightforward(feature, logits, label, neck, bank, draws=None, *, capacity=50_000, clusters=8, rounds=10,
                    count=256, tau=0.5, bg_index=0, ignore_index=255, rate=0.4, quantile=0.25, floor=0.05, divisor=32):
    """The four terms of a segmentation host's step.

    Args:
        feature (Tensor): f, (N, L, H, W).
        logits (Tensor): (N, C, h, w). label (Tensor): (N, h, w).
        neck (FBRNeck): whose projections are applied; its dropout draws from torch's global stream.
        bank (Tensor): (B, D) NROIs, the oldest first.
        draws (Draws): the random choices. The other arguments are those of ``FBRLoss`` and of the host.

    Returns:
        tuple[dict, Tensor]: the terms by name, and the bank after the step.
    """
    raw_bg = neck.phi_bg(feature)
    z_fg, z_bg = neck.phi_fg(feature).relu(), raw_bg.relu()
    draws = draws or Draws()
    scores, y, valid = segmentation_pixels(logits.detach(), label, feature.shape[2:], ignore_index)
    terms = {'decouple': mean(F.cosine_similarity(z_fg, z_bg, dim=1, eps=1e-12)[valid]),
             'bg_seg': background_segmentation(raw_bg, y == bg_index, valid, neck.phi_seg)}

    for i, background in enumerate(valid & (y == bg_index)):
        nroi = kmeans(z_bg[i].detach()[:, background].T, i, draws, clusters, rounds)
        bank = torch.cat([bank, nroi])[-capacity:]

    z = z_fg.permute(0, 2, 3, 1).flatten(0, 2)
    pixels_of = {c: (valid & (y == c)).flatten().nonzero()[:, 0] for c in y[valid].unique().tolist() if c != bg_index}
    p = {c: prototype(z.detach()[own], scores[:, c].flatten()[own], max(1, y[0].numel() // divisor))
         for c, own in pixels_of.items()}
    unsure = queries(scores, y, valid, bg_index, rate, quantile, floor).flatten()
    fb_of, if_of = [], []
    for c, own in pixels_of.items():
        graph = class_graph(p, c, tau)
        fb, between = [], []
        for query in z[own[unsure[own]]]:
            if len(bank):
                fb.append(contrast(query, p[c], draws.background(bank, count), tau))
            if graph:
                between.append(contrast(query, p[c], z.detach()[draws.foreground(c, graph, pixels_of, count)], tau))
        fb_of += [sum(fb) / len(fb)] if fb else []
        if_of += [sum(between) / len(between)] if between else []
    for name, of_class in (('fb', fb_of), ('if', if_of)):
        terms[name] = sum(of_class) / len(of_class) if of_class else z.sum() * 0
    return terms, bank


def mean(x):
    """The mean, a connected 0 of nothing."""
    return x.mean() if len(x) else x.sum()


def segmentation_pixels(logits, label, size, ignore_index=255):
    """S (N, C, H, W), y and valid (N, H, W): softmax at full size, then resized."""
    probabilities = logits.softmax(1) if logits.shape[1] > 1 else torch.cat([1 - logits.sigmoid(), logits.sigmoid()], 1)
    y = F.interpolate(label[:, None].float(), size, mode='nearest')[:, 0].long()
    return F.interpolate(probabilities, size, mode='bilinear', align_corners=False), y, y != ignore_index


def background_segmentation(raw_bg, target, valid, phi_seg):
    """Eq. 6: normalisation over the valid pixels, ReLU, dropout, 1x1 convolution, binary cross-entropy."""
    if not valid.any():
        return raw_bg.sum() * 0
    x = raw_bg.permute(0, 2, 3, 1)[valid]
    x = (x - x.mean(0)) / (x.var(0, unbiased=False) + phi_seg.eps).sqrt() * phi_seg.norm_weight + phi_seg.norm_bias
    x = F.dropout(x.relu(), phi_seg.dropout, phi_seg.training)
    logit = F.linear(x, phi_seg.conv.weight.flatten(1), phi_seg.conv.bias)[:, 0]
    return F.binary_cross_entropy_with_logits(logit, target[valid].float())


def kmeans(points, image, draws, clusters, rounds):
    """Centroids (K, D) of an image's background pixels (P, D); at most K pixels stand for themselves."""
    if len(points) <= clusters:
        return points
    centroids, before = points[draws.start(image, len(points), clusters)].clone(), None
    for _ in range(rounds):
        nearest = torch.cdist(points, centroids).argmin(1)
        if before is not None and torch.equal(nearest, before):
            break
        for k in range(clusters):
            if (nearest == k).any():
                centroids[k] = points[nearest == k].mean(0)
        before = nearest
    return centroids


def queries(scores, y, valid, bg_index, rate, quantile, floor):
    """Unsure foreground pixels (N, H, W), image by image and class by class."""
    unsure = torch.zeros_like(valid)
    entropy = -(scores * (scores + 1e-10).log()).sum(1)
    for i in range(len(y)):
        if not valid[i].any():
            continue
        high = entropy[i] > torch.quantile(entropy[i][valid[i]], quantile)
        for c in y[i][valid[i]].unique().tolist():
            if c == bg_index:
                continue
            own = valid[i] & (y[i] == c)
            ranked = scores[i, c][own & (scores[i, c] > floor)].sort().values
            limit = ranked[min(int(rate * len(ranked)), len(ranked) - 1)] if len(ranked) else torch.inf
            unsure[i] |= own & ~(scores[i, c] > limit) & high
    return unsure


def prototype(z, score, best):
    """p_c (D,): the score-weighted mean of the ``best`` embeddings (P, D) of a class."""
    weight, index = score.sort(descending=True, stable=True)
    weight, z = weight[:best, None], z[index[:best]]
    return (weight * z).sum(0) / weight.sum() if weight.sum() > 0 else z.mean(0)


def class_graph(p, c, tau):
    """{class: probability} of a negative's class for queries of class c."""
    others = [other for other in p if other != c]
    similarity = [F.cosine_similarity(p[c], p[other], dim=0, eps=1e-12) / tau for other in others]
    return dict(zip(others, torch.stack(similarity).softmax(0), strict=True)) if others else {}


def contrast(query, positive, negatives, tau):
    """Eq. 7 and 9 for one query (D,), its prototype (D,) and its negatives (M, D)."""
    against = torch.cat([positive[None], negatives])
    return -(F.cosine_similarity(query[None], against, dim=1, eps=1e-12) / tau).log_softmax(0)[0]
