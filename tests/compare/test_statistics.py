"""Measures against their formulae pixel by pixel, the bootstrap against a slow one and against known cases."""
import numpy as np
import pytest

from mmfbr.compare.statistics import (
    bootstrap_differences,
    class_measures,
    image_parts,
    overall_measures,
    percentile_interval,
    t_interval,
    t_quantile,
)
from mmfbr.evaluation import confusion, stuff_confusion

C, A, COMPANIONS = 4, 3, [-1, 1, 0, -1]  # class 3 has no companion
THINGS, ACCOMPANIED = [1, 2, 3], [1, 2]


def images(count=6, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.integers(0, C, (8, 9)), rng.choice([0, 1, 2, 3, 255], (8, 9)), rng.choice([0, 1, 2, 255], (8, 9)))
            for _ in range(count)]


def parts_of(found):
    return image_parts(np.stack([confusion(mask, truth, C)[:, :C] for mask, truth, _ in found]),
                       np.stack([stuff_confusion(mask, truth, beneath, C, A) for mask, truth, beneath in found]),
                       COMPANIONS)


def overall(sums):
    return overall_measures(sums, THINGS, ACCOMPANIED)


def slow_measures(found):
    """Each measure of each class by its formula, and over all."""
    of_class = {name: [] for name in ('iou', 'recall', 'precision', 'completeness', 'share', 'ratio')}
    on_companions = true_positives = 0
    for c in range(C):
        hits = true = predicted = beside = 0
        covered = []
        for mask, truth, beneath in found:
            counted = truth != 255
            inside = ((truth == c) & (mask == c)).sum()
            hits, true, predicted = hits + inside, true + (truth == c).sum(), predicted + (counted & (mask == c)).sum()
            if (truth == c).any():
                covered.append(inside / (truth == c).sum())
            if COMPANIONS[c] >= 0:
                beside += (counted & (mask == c) & (truth != c) & (beneath == COMPANIONS[c])).sum()
        of_class['iou'].append(hits / (true + predicted - hits))
        of_class['recall'].append(hits / true)
        of_class['precision'].append(hits / predicted)
        of_class['completeness'].append(np.mean(covered))
        of_class['share'].append(beside / predicted if COMPANIONS[c] >= 0 else np.nan)
        of_class['ratio'].append(beside / hits if COMPANIONS[c] >= 0 else np.nan)
        if c in ACCOMPANIED:
            on_companions, true_positives = on_companions + beside, true_positives + hits
    over_all = {name: np.mean([of_class[name][c] for c in THINGS]) for name in ('recall', 'precision', 'completeness')}
    over_all.update(iou=np.mean(of_class['iou']), share=np.mean([of_class['share'][c] for c in ACCOMPANIED]),
                    ratio=on_companions / true_positives)
    return of_class, over_all


def test_measures_are_their_formulae():
    found = images()
    sums = parts_of(found).sum(0)
    of_class, over_all = slow_measures(found)
    for name, expected in of_class.items():
        np.testing.assert_allclose(class_measures(sums)[name], expected, atol=1e-12, err_msg=name)
    for name, expected in over_all.items():
        assert overall(sums)[name] == pytest.approx(expected), name


def test_class_in_no_image_is_passed_over():
    found = [(*(np.where(part == 2, 1, part) for part in (mask, truth)), beneath) for mask, truth, beneath in images()]
    sums = parts_of(found).sum(0)
    assert all(np.isnan(values[2]) for values in class_measures(sums).values())
    assert all(np.isfinite(value) for value in overall(sums).values())


def test_without_stuff_the_other_measures_stand():
    found = images()
    parts = image_parts(np.stack([confusion(mask, truth, C)[:, :C] for mask, truth, _ in found]),
                        np.zeros((len(found), C, 1), np.int64), [-1] * C)
    measured = overall_measures(parts.sum(0), THINGS, [])
    assert np.isnan(measured['share']) and np.isnan(measured['ratio'])
    assert measured['iou'] == pytest.approx(slow_measures(found)[1]['iou'])


# Bootstrap

def runs(seeds=3, count=6, shift=0):
    return np.stack([parts_of(images(count, seed + shift)) for seed in range(seeds)])


def test_bootstrap_is_the_slow_one(monkeypatch):
    host, variant = runs(), runs(shift=10)
    drawn = bootstrap_differences(host, variant, overall, draws=40, seed=5)
    rng = np.random.default_rng(5)
    seeds = rng.multinomial(3, [1 / 3] * 3, size=40)
    images_of = rng.multinomial(6, [1 / 6] * 6, size=40)
    for draw in range(40):
        chosen = np.repeat(np.arange(6), images_of[draw])  # the same for every seed, for host and variant
        gaps = [overall(variant[s][chosen].sum(0))['iou'] - overall(host[s][chosen].sum(0))['iou']
                for s in np.repeat(np.arange(3), seeds[draw])]
        assert drawn['iou'][draw] == pytest.approx(np.mean(gaps))


def test_equal_runs_differ_by_nothing():
    host = runs()
    drawn = bootstrap_differences(host, host.copy(), lambda sums: {**overall(sums), **class_measures(sums)}, draws=50)
    for name, values in drawn.items():
        assert np.nanmax(np.abs(values)) == 0, name


def gain_of(per_image, per_seed, seeds=8, count=60):
    """Hits of one thing, of 100 true pixels an image: a variant's gain varies by image and by seed as told."""
    rng = np.random.default_rng(0)
    gain = rng.normal(0, per_image, count)[None] + rng.normal(0, per_seed, seeds)[:, None]
    parts = np.zeros((2, seeds, count, 6, 2))
    parts[:, :, :, 1:3, 1], parts[:, :, :, 5, 1] = 100, 1
    parts[0, :, :, 0, 1], parts[1, :, :, 0, 1] = 50, 50 + gain
    return parts, gain


@pytest.mark.parametrize('per_image, per_seed', [(8, 0), (0, 8), (6, 6)])
def test_both_sources_of_chance_widen_the_interval(per_image, per_seed):
    (host, variant), gain = gain_of(per_image, per_seed)
    drawn = bootstrap_differences(host, variant, lambda sums: dict(recall=class_measures(sums)['recall'][..., 1]))
    seeds, count = gain.shape
    expected = np.sqrt(gain.mean(1).var() / seeds + gain.mean(0).var() / count) / 100
    assert drawn['recall'].std() == pytest.approx(expected, rel=0.1)
    assert drawn['recall'].mean() == pytest.approx(gain.mean() / 100, abs=expected / 5)


def test_draws_follow_the_seed_and_not_the_chunks(monkeypatch):
    host, variant = runs(), runs(shift=10)
    one, same, other = (bootstrap_differences(host, variant, overall, 30, seed)['iou'] for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()
    monkeypatch.setattr('mmfbr.compare.statistics.CHUNK', 7)
    assert len(bootstrap_differences(host, variant, overall, 30)['iou']) == 30


def test_percentiles_pass_over_what_is_undefined():
    values = np.stack([np.arange(101.), np.full(101, np.nan), np.where(np.arange(101) < 50, np.inf, 3)], 1)
    low, high = percentile_interval(values)
    assert (low[0], high[0]) == pytest.approx((2.5, 97.5))
    assert np.isnan(low[1]) and np.isnan(high[1]) and low[2] == high[2] == 3


# Student's t

@pytest.mark.parametrize('freedom, expected', [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622),
                                               (30, 2.0423), (120, 1.9799)])
def test_quantiles_are_those_of_the_tables(freedom, expected):
    assert t_quantile(0.975, freedom) == pytest.approx(expected, abs=1e-4)
    assert t_quantile(0.5, freedom) == pytest.approx(0, abs=1e-9)


def test_t_interval():
    low, high = t_interval([1.0, 2.0, 6.0])
    reach = 4.30265 * np.std([1, 2, 6], ddof=1) / np.sqrt(3)
    assert (low, high) == pytest.approx((3 - reach, 3 + reach), abs=1e-4)
    assert np.isnan(t_interval([1.0])).all() and np.isnan(t_interval([])).all()
