"""Pixel-adaptive refinement against loops over pixels and neighbours."""
import numpy as np
import pytest
import torch

from mmfbr.cam import PAR, par
from mmfbr.files import InputError

DIRECTIONS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def slow_par(image, maps, dilations, iterations, w1, w2, w3):
    """``image`` (3, H, W), ``maps`` (K, H, W): the formula of PAR's docstring, a pixel at a time, in doubles."""
    height, width = image.shape[1:]

    def clamp(y, x):
        return min(max(y, 0), height - 1), min(max(x, 0), width - 1)

    affinities = {}
    for y, x in np.ndindex(height, width):
        places, colours, distances = [], [], []
        for d in dilations:
            for dy, dx in DIRECTIONS:
                places.append(clamp(y + dy * d, x + dx * d))
                colours.append([float(image[channel][places[-1]]) for channel in range(3)])
                distances.append(np.hypot(dy * d, dx * d))
        colours, distances = np.array(colours), np.array(distances)
        own = np.array([float(image[channel][y, x]) for channel in range(3)])
        by_colour = [-np.mean([((colour[channel] - own[channel]) / (w1 * (colours[:, channel].std() + 1e-3)))**2
                               for channel in range(3)]) for colour in colours]
        by_place = [-(distance / (w2 * (distances.std() + 1e-3)))**2 for distance in distances]
        soft = [np.exp(values - np.max(values)) for values in (by_colour, by_place)]
        soft = [values / values.sum() for values in soft]
        affinities[y, x] = places, (soft[0] + w3 * soft[1]) / (1 + w3)
    maps = maps.astype(np.float64)
    for _ in range(iterations):
        before, maps = maps, np.zeros_like(maps)
        for (y, x), (places, weights) in affinities.items():
            for place, weight in zip(places, weights, strict=True):
                maps[:, y, x] += weight * before[(slice(None), *place)]
    return maps


def example(height=9, width=11, count=2, seed=0):
    """Two halves of different colour with noise, and maps that lie across the border."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 40, (height, width, 3)) + np.where(np.arange(width) < width // 2, 30, 180)[:, None]
    return image.astype(np.uint8), rng.random((count, height, width), np.float32)


@pytest.mark.parametrize('settings', [
    dict(dilations=(1, ), iterations=1), dict(dilations=(1, 2, 4), iterations=3), dict(dilations=(2, 24), iterations=2),
    dict(dilations=(1, 3), iterations=2, w1=0.1, w2=1.0, w3=0.5), dict(iterations=0)],
    ids=['one step', 'dilations', 'beyond the border', 'weights', 'none'])
def test_against_loops_over_pixels_and_neighbours(settings):
    image, maps = example()
    refine = PAR(**settings, stride=1)
    expected = slow_par(image.transpose(2, 0, 1), maps, refine.dilations, refine.iterations, refine.w1, refine.w2,
                        refine.w3)
    result = refine.refine(image, maps)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=2e-5)


def test_flat_image_and_single_pixel_are_served():
    flat = np.full((5, 6, 3), 90, np.uint8)
    maps = example(5, 6)[1]
    np.testing.assert_allclose(PAR(dilations=(1, 2), iterations=2, stride=1).refine(flat, maps),
                               slow_par(flat.transpose(2, 0, 1), maps, (1, 2), 2, 0.3, 0.3, 0.01), atol=1e-5)
    np.testing.assert_allclose(PAR().refine(flat[:1, :1], maps[:, :1, :1]), maps[:, :1, :1], atol=1e-5)
    assert PAR().refine(flat, maps[:0]).shape == (0, 5, 6)


def test_a_batch_gives_each_image_what_it_gets_alone_however_little_memory_there_is(monkeypatch):
    refine = PAR(dilations=(1, 2), iterations=2, stride=1)
    images, maps = zip(*(example(seed=seed) for seed in range(3)), strict=True)
    together = refine(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float(), torch.from_numpy(np.stack(maps)))
    for image, own, result in zip(images, maps, together, strict=True):
        np.testing.assert_allclose(result.numpy(), refine.refine(image, own), atol=1e-6)
    held = []
    affinity = PAR.affinity
    monkeypatch.setattr(PAR, 'affinity', lambda self, some: held.append(len(some)) or affinity(self, some))
    monkeypatch.setattr(par, 'MOST_WEIGHTS', 2 * 16 * 9 * 11)  # two images' affinities
    refine(torch.zeros(3, 3, 9, 11), torch.zeros(3, 1, 9, 11))
    assert held == [2, 1]


def test_affinities_of_a_large_image_stay_within_the_limit(monkeypatch):
    refine, sizes = PAR(dilations=(1, ), iterations=1, stride=1), []
    affinity = PAR.affinity
    monkeypatch.setattr(PAR, 'affinity', lambda self, some: sizes.append(some.shape[2:]) or affinity(self, some))
    monkeypatch.setattr(par, 'MOST_WEIGHTS', 8 * 30)
    image, maps = example(9, 11)
    assert refine.refine(image, maps).shape == maps.shape
    assert sizes == [(5, 6)]


def test_constant_stays_and_the_range_is_kept():
    image, maps = example()
    for stride in (1, 2):
        refine = PAR(stride=stride)
        np.testing.assert_allclose(refine.refine(image, np.full_like(maps, 0.37)), 0.37, atol=1e-5)
        result = refine.refine(image, maps)
        assert result.min() >= maps.min() - 1e-5 and result.max() <= maps.max() + 1e-5


@pytest.mark.parametrize('stride', [1, 2])
def test_maps_follow_the_border_of_colours(stride):
    image = np.zeros((24, 32, 3), np.uint8)
    image[:, 16:] = (200, 120, 40)
    image += np.random.default_rng(0).integers(0, 20, image.shape).astype(np.uint8)
    truth = np.arange(32) >= 16
    blurred = np.clip((np.arange(32) - 10) / 16, 0, 1)  # passes one half 2 pixels off the border
    refined = PAR(dilations=(1, 2, 4), stride=stride).refine(image, np.tile(blurred, (1, 24, 1)).astype(np.float32))
    assert ((blurred > 0.5) != truth).sum() >= 2
    assert (((refined[0] > 0.5) != truth).mean(0) < 0.5).all()


@pytest.mark.parametrize('settings', [dict(dilations=()), dict(dilations=(0, )), dict(stride=0), dict(iterations=-1),
                                      dict(w1=0), dict(w3=-1), dict(iterations=1.5)])
def test_numbers_out_of_range_are_refused(settings):
    with pytest.raises(InputError, match='PAR needs'):
        PAR(**settings)
