"""Every formula of the method once more, slow and obvious, one pixel at a time, in float64 numpy: what tests trust.

Shapes are those of the package: N images, C classes, maps H x W, embeddings (N, D, H, W). Random choices are arguments.
"""
import math

import numpy as np


def pixels(mask):
    """The (image, row, column) of the pixels that ``mask`` names, in reading order."""
    return [tuple(int(i) for i in place) for place in np.argwhere(mask)]


def softmax(x):
    e = [math.exp(v - max(x)) for v in x]
    return np.array(e) / sum(e)


# Views

def cam_scores(cam, present, valid, bg, bg_score):
    """S of a CAM host: ReLU, then min-max over the valid pixels of an image and present class."""
    s = np.zeros(cam.shape)
    for n, c in np.ndindex(cam.shape[:2]):
        seen = [max(cam[n, c, i, j], 0) for m, i, j in pixels(valid) if m == n]
        if c == bg:
            s[n, c] = bg_score
        elif present[n, c] and seen and max(seen) > min(seen):
            for i, j in np.ndindex(cam.shape[2:]):
                share = (max(cam[n, c, i, j], 0) - min(seen)) / (max(seen) - min(seen))
                s[n, c, i, j] = min(max(share, 0), 1)
    return s


def cam_probabilities(s, present, bg):
    """P of a CAM host: softmax over the present classes and the background."""
    p = np.zeros(s.shape)
    for n, i, j in np.ndindex(s.shape[0], *s.shape[2:]):
        on = [c for c in range(s.shape[1]) if c == bg or present[n, c]]
        p[n, on, i, j] = softmax(s[n, on, i, j])
    return p


def background_target(s, bg, threshold=0.05):
    """Eq. 6's target of a CAM host: the foreground scores of a pixel sum to less than ``threshold``."""
    return np.delete(s, bg, axis=1).sum(1) < threshold


def class_probabilities(logits):
    """Softmax over the classes; a single logit x is read as (1 - sigmoid(x), sigmoid(x))."""
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], 1)
    p = np.zeros(logits.shape)
    for n, i, j in np.ndindex(logits.shape[0], *logits.shape[2:]):
        p[n, :, i, j] = softmax(logits[n, :, i, j])
    return p


def bilinear(x, size):
    """Resize (N, C, h, w) to ``size``, pixel centres aligned, corners not."""
    out = np.zeros(x.shape[:2] + tuple(size))
    for i, j in np.ndindex(*size):
        r, c = (max((k + 0.5) * a / b - 0.5, 0) for k, a, b in zip((i, j), x.shape[2:], size, strict=True))
        (r0, c0), (r1, c1) = (int(r), int(c)), (min(int(r) + 1, x.shape[2] - 1), min(int(c) + 1, x.shape[3] - 1))
        top = x[:, :, r0, c0] * (1 - c + c0) + x[:, :, r0, c1] * (c - c0)
        bottom = x[:, :, r1, c0] * (1 - c + c0) + x[:, :, r1, c1] * (c - c0)
        out[:, :, i, j] = top * (1 - r + r0) + bottom * (r - r0)
    return out


def nearest(y, size):
    """Resize labels (N, h, w) to ``size``: each takes the pixel at the floor of its scaled index."""
    out = np.zeros((len(y),) + tuple(size), y.dtype)
    for i, j in np.ndindex(*size):
        out[:, i, j] = y[:, i * y.shape[1] // size[0], j * y.shape[2] // size[1]]
    return out


# Active sampling

def queries(s, p, y, valid, bg, rate, quantile, floor=0.05):
    """Unsure foreground pixels (N, H, W): not surely of their class, and of high entropy in their image."""
    out = np.zeros(y.shape, bool)
    entropy = {at: -sum(v * math.log(v + 1e-10) for v in p[at[0], :, at[1], at[2]]) for at in pixels(valid)}
    for at in entropy:
        n, c = at[0], y[at]
        if c == bg:
            continue
        rivals = [s[n, c, i, j] for m, i, j in entropy if m == n and y[m, i, j] == c]
        counted = sorted(v for v in rivals if v > floor)
        sure = bool(counted) and s[n, c, at[1], at[2]] > counted[min(int(rate * len(counted)), len(counted) - 1)]
        image = [e for other, e in entropy.items() if other[0] == n]
        out[at] = not sure and entropy[at] > np.quantile(image, quantile)
    return out


def prototypes(z_fg, s, y, valid, bg, divisor):
    """{class: p_c (D,)}: mean of z_fg weighted by S over the best H * W / divisor pixels of a class in the batch."""
    most = max(1, y.shape[1] * y.shape[2] // divisor)
    out = {}
    for c in sorted({int(y[at]) for at in pixels(valid)} - {bg}):
        own = [at for at in pixels(valid) if y[at] == c]
        best = sorted(own, key=lambda at: -s[at[0], c, at[1], at[2]])[:most]  # sorted() keeps the order of equals
        weight = [s[n, c, i, j] for n, i, j in best]
        if sum(weight) == 0:
            weight = [1.0] * len(best)
        out[c] = sum(w * z_fg[n, :, i, j] for w, (n, i, j) in zip(weight, best, strict=True)) / sum(weight)
    return out


def class_graph(p, c, tau):
    """{class: probability} of a negative's class for queries of class c; empty where c is alone."""
    others = sorted(set(p) - {c})
    return dict(zip(others, softmax([cosine(p[c], p[k]) / tau for k in others]), strict=True)) if others else {}


# Negative regions of interest

def kmeans(x, start, rounds=10):
    """Lloyd's algorithm on x (P, D) from the points x[start] (K,); at most K points stand for themselves."""
    if len(x) <= len(start):
        return x.copy()
    centroids, before = [x[i] for i in start], None
    for _ in range(rounds):
        nearest_one = [int(np.argmin([((v - c) ** 2).sum() for c in centroids])) for v in x]
        if nearest_one == before:
            break
        for k in range(len(centroids)):
            own = [v for v, a in zip(x, nearest_one, strict=True) if a == k]
            centroids[k] = np.mean(own, 0) if own else centroids[k]
        before = nearest_one
    return np.array(centroids)


# Losses

def cosine(a, b):
    """Cosine, 0 where a vector is 0."""
    lengths = [max(math.sqrt((v ** 2).sum()), 1e-12) for v in (a, b)]
    return float(a @ b) / (lengths[0] * lengths[1])


def contrast(query, positive, negatives, tau):
    """Eq. 7 and 9 for one query (D,): -log of the positive's share among positive and negatives (M, D)."""
    e = [math.exp(cosine(query, other) / tau) for other in (positive, *negatives)]
    return -math.log(e[0] / sum(e))


def mean_over_classes(losses):
    """L_fb or L_if of {class: [loss of each query]}: the mean of the classes' means, 0 when no class counts."""
    means = [sum(of_class) / len(of_class) for of_class in losses.values() if len(of_class)]
    return sum(means) / len(means) if means else 0.0


def decoupling(z_fg, z_bg, valid):
    """Mean cosine of the two embeddings (N, D, H, W) of a valid pixel; 0 without valid pixels."""
    values = [cosine(z_fg[n, :, i, j], z_bg[n, :, i, j]) for n, i, j in pixels(valid)]
    return sum(values) / len(values) if values else 0.0


def background_bce(logit, target, valid):
    """Eq. 6: mean binary cross-entropy over the valid pixels of the background's logit (N, H, W)."""
    values = [math.log1p(math.exp(-logit[at] if target[at] else logit[at])) for at in pixels(valid)]
    return sum(values) / len(values) if values else 0.0


# Host

def thresholded_average_pooling(f, share=0.1):
    """TAP of features (N, L, H, W): per channel the mean of what exceeds ``share`` of its maximum, or its one value."""
    out = np.zeros(f.shape[:2])
    for n, c in np.ndindex(*out.shape):
        x = f[n, c].ravel()
        above = x[x > share * x.max()]
        out[n, c] = x[0] if (x == x[0]).all() else above.mean()
    return out
