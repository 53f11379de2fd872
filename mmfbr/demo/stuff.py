"""Paints the backgrounds of the demo scenes, the stuff on which things stand."""
import numpy as np

from .paint import blend, blur, colour, cover, grid, noise, ramp, recede


def rails(rng, size, base, tilt):
    """Parallel tracks on ballast; one track lies around (0.5, ``base``), all fall by ``tilt`` per unit of x."""
    px = size / 128
    stones = recede(rng, size, 2.6 * px, octaves=2, fall=0.8)
    dirt = recede(rng, size, 40 * px, octaves=3)
    ballast = colour(rng, rng.uniform(0.05, 0.11), 0.14, 0.56)
    picture = blend(ballast * 0.72, ballast * 1.16, ramp(stones, -1.8, 1.8)) * (1 + 0.08 * dirt[..., None])
    sleepers, irons, shines = [], [], []
    for centre, wide in _tracks(rng, base):
        for x in np.arange(-0.1, 1.1, wide * 0.5) + rng.uniform(0, wide * 0.5):
            y, lean, half = centre + (x - 0.5) * tilt, (x - 0.5) * 0.4 * wide, wide * 0.14
            sleepers.append([(x - half - lean, y - wide * 0.5), (x + half - lean, y - wide * 0.5),
                             (x + half + lean, y + wide * 0.5), (x - half + lean, y + wide * 0.5)])
        for side in (-0.25, 0.25):
            irons.append(_strip(centre + side * wide, tilt, 0.12 * wide))
            shines.append(_strip(centre + (side - 0.02) * wide, tilt, 0.06 * wide))
    wood, steel = colour(rng, 0.07, 0.3, rng.uniform(0.14, 0.28)), colour(rng, 0.58, 0.05, 0.8)
    laid = cover(size, sleepers)
    picture = picture * (1 - 0.3 * blur(laid, 1.5 * px))[..., None]
    picture = blend(picture, wood * (1 + 0.09 * stones[..., None]), laid)
    picture = blend(picture, steel * 0.25, cover(size, irons))
    return blend(picture, steel, cover(size, shines))


def _tracks(rng, base):
    """Centre and width of each track: narrower and closer together upwards, as on a plain seen from above."""
    wide = rng.uniform(0.17, 0.22)
    tracks = [(base, wide)]
    for step, growth in ((-1, 0.75), (1, 1.25)):
        centre, width = base, wide
        while -0.2 < centre < 1.2 and width > 0.06:
            centre += step * width * (1.5 if step < 0 else 1.9)
            width *= growth
            tracks.append((centre, width))
    return tracks


def _strip(centre, tilt, thick):
    left, right = centre - 0.6 * tilt, centre + 0.6 * tilt
    return [(-0.1, left), (1.1, right), (1.1, right + thick), (-0.1, left + thick)]


def water(rng, size, base, tilt):
    px = size / 128
    swell = recede(rng, size, 9 * px, far=2.4, octaves=3, stretch=6.5, fall=0.6)
    chop = recede(rng, size, 3 * px, far=1.8, octaves=2, stretch=5.0, fall=0.7)
    deep = colour(rng, rng.uniform(0.47, 0.62), 0.58, 0.38)
    bright = colour(rng, 0.55, 0.22, 0.78)
    waves = 0.75 * swell + 0.45 * chop
    picture = blend(deep, bright, 0.75 * ramp(waves, -1.2, 2.6))
    crests = ramp(1 - np.abs(swell + 0.5 * chop), 0.55, 1.1) * ramp(chop, 0.0, 1.6)
    picture = blend(picture, bright * 1.15, rng.uniform(0.3, 0.8) * crests)
    _, y = grid(size)
    return blend(picture, bright * 0.92, 0.45 * (1 - ramp(y, 0, 0.7)))


def grass(rng, size, base, tilt):
    px = size / 128
    meadow = recede(rng, size, 34 * px, octaves=4, stretch=1.6, fall=0.6)
    tufts = recede(rng, size, 6 * px, far=2.2, octaves=3, stretch=0.7, fall=0.75)
    blades = noise(rng, (size, size), 4.5 * px, octaves=2, stretch=0.34, fall=0.7)
    lush = colour(rng, rng.uniform(0.21, 0.31), 0.52, 0.45)
    dry = colour(rng, 0.16, 0.48, 0.6)
    picture = blend(lush, dry, 0.55 * ramp(meadow, -0.3, 2.2))
    picture = picture * np.clip(1 + 0.16 * tufts + 0.13 * blades, 0.4, 1.6)[..., None]
    if rng.random() < 0.35:
        bloom = ramp(recede(rng, size, 1.6 * px, octaves=1), 1.9, 2.5) * ramp(meadow, -0.2, 0.8)
        picture = blend(picture, colour(rng, rng.choice([0.13, 0.15, 0.8]), rng.choice([0.1, 0.8]), 0.95), 0.9 * bloom)
    return picture


def sky(rng, size, base, tilt):
    px = size / 128
    _, y = grid(size)
    zenith = colour(rng, rng.uniform(0.55, 0.62), rng.uniform(0.3, 0.7), rng.uniform(0.55, 0.82))
    horizon = colour(rng, rng.choice([0.55, 0.56, 0.08]), 0.12, 0.9)
    picture = blend(zenith, horizon, ramp(y, rng.uniform(-0.3, 0.1), rng.uniform(0.8, 1.3)))
    cloud = noise(rng, (size, size), 42 * px, octaves=6, stretch=rng.uniform(1.3, 2.4), fall=0.55)
    lit = noise(rng, (size, size), 20 * px, octaves=3, stretch=1.6)
    threshold = rng.uniform(-0.5, 0.9)
    dense = ramp(cloud, threshold, threshold + rng.uniform(0.9, 1.7))
    drop = round(5 * px)
    below = np.concatenate([dense[drop:], np.repeat(dense[-1:], drop, 0)])  # a cloud's lower edge lies in its shade
    white = colour(rng, 0.6, 0.03, 0.93) * (0.97 + 0.03 * lit - 0.2 * dense * (1 - ramp(below, 0.2, 0.9)))[..., None]
    return blend(picture, white, 0.92 * dense)


def sand(rng, size, base, tilt):
    px = size / 128
    dunes = recede(rng, size, 45 * px, octaves=3, stretch=2.0)
    grains = noise(rng, (size, size), 1.6 * px, octaves=1)
    bends = recede(rng, size, 26 * px, far=2.2, octaves=2, stretch=1.8)
    _, y = grid(size)
    tone = colour(rng, rng.uniform(0.085, 0.125), rng.uniform(0.2, 0.42), 0.8)
    ripples = np.sin(2 * np.pi * (y * (22 - 9 * y)) + 1.7 * bends) * rng.uniform(0.01, 0.06)
    light = 1 + 0.05 * dunes + 0.035 * grains + ripples * ramp(dunes, -1.2, 0.4)
    pebbles = ramp(recede(rng, size, 2.2 * px, octaves=1), 2.1, 2.6)
    return blend(tone * light[..., None], tone * 0.5, 0.7 * pebbles)


def soil(rng, size, base, tilt):
    px = size / 128
    clods = recede(rng, size, 9 * px, far=2.2, octaves=4, fall=0.75)
    grains = noise(rng, (size, size), 2.2 * px, octaves=2, fall=0.8)
    damp = recede(rng, size, 40 * px, octaves=3)
    earth = colour(rng, rng.uniform(0.035, 0.075), rng.uniform(0.4, 0.58), 0.37)
    x, y = grid(size)
    rows = np.sin(2 * np.pi * (x - 0.5) * rng.uniform(7, 11) / (0.35 + 0.8 * y) + 0.5 * damp)
    furrows = rows * float(rng.choice([0, 0.16]))
    return earth * np.clip(1 + 0.2 * clods + 0.1 * grains + 0.12 * damp + furrows, 0.3, 1.9)[..., None]


def wall(rng, size, base, tilt):
    """Bricks or plaster with some windows."""
    px = size / 128
    stains = noise(rng, (size, size), 50 * px, octaves=4)
    rough = noise(rng, (size, size), 2 * px, octaves=2, fall=0.8)
    if rng.random() < 0.6:
        picture = _bricks(rng, size)
    else:
        picture = np.broadcast_to(colour(rng, rng.choice([0.08, 0.11, 0.6]), 0.14, 0.72), (size, size, 3))
    picture = picture * (1 + 0.06 * stains + 0.035 * rough)[..., None]
    if rng.random() < 0.6:
        picture = _windows(rng, size, picture)
    return picture


def _bricks(rng, size):
    x, y = grid(size)
    high, wide = rng.uniform(0.03, 0.05), rng.uniform(0.08, 0.12)
    row = np.floor(y / high)
    across = x / wide + 0.5 * (row % 2)
    joint = ramp(np.abs(y / high - row - 0.5), 0.34, 0.48)
    joint = np.maximum(joint, ramp(np.abs(across - np.floor(across) - 0.5), 0.42, 0.48))
    tint = rng.standard_normal((64, 64), dtype=np.float32)[row.astype(int), np.floor(across).astype(int)]
    brick = colour(rng, rng.uniform(0.01, 0.06), rng.uniform(0.35, 0.55), 0.55)
    return blend(brick * (1 + 0.09 * tint[..., None]), colour(rng, 0.09, 0.08, 0.66), 0.8 * joint)


def _windows(rng, size, picture):
    wide = rng.uniform(0.1, 0.16)
    high, gap = wide * rng.uniform(1.1, 1.5), wide * rng.uniform(2.0, 2.6)
    left, top = rng.uniform(0, 0.2), rng.uniform(0, 0.1)
    frames, panes = [], []
    for y in np.arange(top, 1, high * 2):
        for x in np.arange(left, 1, gap):
            frames.append(_box(x, y, wide, high))
            for column in (0.08, 0.54):
                panes.append(_box(x + column * wide, y + 0.06 * high, 0.38 * wide, 0.86 * high))
    glass = colour(rng, 0.58, 0.25, 0.26) * (1 + 0.3 * noise(rng, (size, size), size / 6, octaves=2))[..., None]
    picture = blend(picture, colour(rng, 0.1, 0.05, 0.85), cover(size, frames))
    return blend(picture, glass, cover(size, panes))


def _box(x, y, wide, high):
    return [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]


PAINTERS = dict(rails=rails, water=water, grass=grass, sky=sky, sand=sand, wall=wall, soil=soil)
