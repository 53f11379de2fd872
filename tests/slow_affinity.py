"""Pairs, paths, affinities, losses and random walks, a pixel at a time or as dense matrices: what fast code is compared
with."""
import numpy as np


def slow_pairs(height, width, radius):
    """[((y, x), (y', x')), ...] of all unordered pairs of pixels less than ``radius`` apart, by their difference."""
    places = list(np.ndindex(height, width))
    found = [(one, other) for one in places for other in places
             if one < other and np.hypot(other[0] - one[0], other[1] - one[1]) < radius]
    return sorted(found, key=lambda pair: (pair[1][0] - pair[0][0], pair[1][1] - pair[0][1], pair[0]))


def slow_path(one, other):
    """Pixels in the rectangle of two that are less than 1 away from the line through them."""
    (y0, x0), (y1, x1) = one, other
    ys, xs = range(min(y0, y1), max(y0, y1) + 1), range(min(x0, x1), max(x0, x1) + 1)
    normal = np.array([x1 - x0, y0 - y1]) / np.hypot(y1 - y0, x1 - x0)
    return [(y, x) for y in ys for x in xs if abs(normal @ [y - y0, x - x0]) < 1 - 1e-9]


def slow_losses(values, labels, distances, eps=1e-5):
    """AffinityNet's loss of affinities and IRN's of displacements, a pair at a time over a batch.

    ``values[pair]`` is the affinity in each image, ``distances[pair]`` the L1 distances for foreground and background.
    """
    terms = dict(background=[], foreground=[], different=[], field=[], still=[])
    for pair, own in values.items():
        for image, value in enumerate(own):
            a, b = (int(labels[(image, *place)]) for place in pair)
            if 255 in (a, b):
                continue
            kind = 'different' if a != b else 'background' if a == 0 else 'foreground'
            terms[kind].append(-np.log((1 - value if a != b else value) + eps))
            if a == b:
                terms['still' if a == 0 else 'field'].append(distances[pair][image][a == 0])
    mean = {kind: np.mean(own) if own else 0 for kind, own in terms.items()}
    return (mean['background'] / 4 + mean['foreground'] / 4 + mean['different'] / 2), mean['field'], mean['still']


def dense(affinity, height, width, radius, beta):
    """The transition matrix of all pixels in doubles: affinities of both directions and 1 on the diagonal, to the power
    ``beta``, each row divided by its sum."""
    matrix = np.eye(height * width)
    for value, (a, b) in zip(affinity.tolist(), slow_pairs(height, width, radius), strict=True):
        one, other = a[0] * width + a[1], b[0] * width + b[1]
        matrix[one, other] = matrix[other, one] = value
    matrix = matrix**beta
    return matrix / matrix.sum(1, keepdims=True)
