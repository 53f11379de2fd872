"""The numbers of a comparison and how sure they are: measures of sums over images, paired bootstrap, t interval."""
import math
from typing import NamedTuple

import numpy as np

from mmfbr.evaluation.confusion import mean_of_defined, ratio

PARTS = ('hits', 'true', 'predicted', 'on_companion', 'covered', 'holds')
CHUNK = 250  # draws computed together: some megabytes


class Measure(NamedTuple):
    """How a measure is shown."""
    title: str
    factor: float
    """What a number is multiplied by in tables and plots."""
    digits: int
    lower_is_better: bool = False


MEASURES = {
    'iou': Measure('mean IoU (%)', 100, 2),
    'completeness': Measure('completeness (%)', 100, 2),
    'recall': Measure('recall (%)', 100, 2),
    'precision': Measure('precision (%)', 100, 2),
    'share': Measure('co-occurrence share (%)', 100, 2, lower_is_better=True),
    'ratio': Measure('confusion ratio', 1, 3, lower_is_better=True),
}


def image_parts(confusions, stuff_confusions, companions):
    """What every measure is made of, for each image and class: (I, 6, C) float64 with the ``PARTS``.

    ``hits``, ``true``, ``predicted``: pixels that are and were given the class, that are it, that were given it;
    ``on_companion``: pixels given the class that lie on its accompanying stuff, NaN for a class that has none;
    ``holds``: 1 where the image has the class; ``covered``: the share of the class's pixels in the image that were
    found, 0 where there are none.

    Args:
        confusions: (I, C, C), see ``ImageCounts``. stuff_confusions: (I, C, A + 1).
        companions: (C,) index into the all-class list, -1 for none.
    """
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    true, predicted, holds = confusions.sum(2), confusions.sum(1), confusions.sum(2) > 0
    chosen = np.asarray(companions)
    beside = np.where(chosen < 0, np.nan, stuff_confusions[:, np.arange(len(chosen)), chosen])
    return np.stack([hits, true, predicted, beside, np.where(holds, ratio(hits, true), 0), holds], 1).astype(np.float64)


def class_measures(sums):
    """{measure: (..., C)} of ``image_parts`` summed over images, (..., 6, C); NaN where undefined (0 / 0)."""
    hits, true, predicted, beside, covered, holds = np.moveaxis(sums, -2, 0)
    return dict(iou=ratio(hits, true + predicted - hits), completeness=ratio(covered, holds), recall=ratio(hits, true),
                precision=ratio(hits, predicted), share=ratio(beside, predicted), ratio=ratio(beside, hits))


def overall_measures(sums, things, accompanied):
    """{measure: (...)}: IoU over all classes, the others over ``things``; share and ratio over ``accompanied`` ones.

    Means over the classes for which a measure is defined; the confusion ratio, which a class without a hit would make
    infinite, is that of the classes' sums.
    """
    of_class = class_measures(sums)
    overall = {name: mean_of_defined(of_class[name][..., things]) for name in ('completeness', 'recall', 'precision')}
    total = sums[..., accompanied].sum(-1)
    return dict(overall, iou=mean_of_defined(of_class['iou']),
                share=mean_of_defined(of_class['share'][..., accompanied]),
                ratio=ratio(total[..., PARTS.index('on_companion')], total[..., PARTS.index('hits')]))


def bootstrap_differences(host, variant, measure, draws=2000, seed=0):
    """Mean paired differences under resampling of seeds and of images, {name: (draws, ...)}.

    A draw takes S seeds and I images with replacement, independently of each other: an image that is drawn twice counts
    twice for every seed, host and variant alike (both factors are crossed; Owen, Annals of Applied Statistics 2007). Of
    each drawn seed the measures of the variant minus those of the host, then the mean over the drawn seeds.

    Args:
        host, variant: (S, I, 6, C) ``image_parts`` of the same seeds and images.
        measure (callable): {name: (..., )} of sums (..., 6, C).
    """
    rng, (seeds, images) = np.random.default_rng(seed), host.shape[:2]
    found = []
    for start in range(0, draws, CHUNK):
        count = min(CHUNK, draws - start)
        drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=count)
        weight = rng.multinomial(images, np.full(images, 1 / images), size=count).astype(np.float64)
        differences = _differences(*(np.tensordot(weight, parts, (1, 1)) for parts in (host, variant)), measure)
        found.append({name: _mean_of_drawn(value, drawn) for name, value in differences.items()})
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _differences(host, variant, measure):
    host, variant = measure(host), measure(variant)
    with np.errstate(invalid='ignore'):  # infinite minus infinite
        return {name: variant[name] - host[name] for name in host}


def _mean_of_drawn(differences, drawn):
    """(draws, ...) means of ``differences`` (draws, S, ...), where seed s counts ``drawn[:, s]`` times."""
    drawn = drawn.reshape(drawn.shape + (1,) * (differences.ndim - 2))
    return (np.where(drawn > 0, differences, 0) * drawn).sum(1) / drawn.sum(1)


def percentile_interval(values, level=0.95):
    """(low, high): the percentiles of ``values`` (draws, ...) that hold ``level`` of them between them, NaN passed
    over."""
    tail = 100 * (1 - level) / 2
    values = np.where(np.isfinite(values), values, np.nan)
    empty = np.isnan(values).all(0)
    low, high = np.nanpercentile(np.where(empty, 0, values), [tail, 100 - tail], axis=0)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def t_interval(values, level=0.95):
    """(low, high) of the mean of ``values`` (S,) by Student's t; NaN for fewer than two."""
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return math.nan, math.nan
    reach = t_quantile((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean() - reach, values.mean() + reach


def t_quantile(probability, freedom):
    """The value that Student's t with ``freedom`` (int) degrees of freedom stays below with ``probability`` >= 0.5."""
    low, high = 0.0, 1.0
    while _t_below(high, freedom) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _t_below(value, freedom):
    """P(T < value), the finite sums of Abramowitz and Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(value / math.sqrt(freedom))
    odd, cosine, term, total = freedom % 2, math.cos(angle), 1.0, 0.0
    if odd:
        term = cosine
    for step in range(freedom // 2):
        total += term
        term *= cosine**2 * (2 * step + 1 + odd) / (2 * step + 2 + odd)
    between = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return 0.5 + between / 2
