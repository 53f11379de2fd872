"""Paints an arranged demo scene and takes its photograph: stuff, shadows and mirror images, things, light, sensor."""
from dataclasses import dataclass

import numpy as np

from .paint import around, blend, blur, colour, cover, ellipse, grid, noise, ramp
from .stuff import PAINTERS
from .things import outline


@dataclass
class Pose:
    """A thing in the picture, in units of the picture's side.

    Args:
        name: its class.
        parts: its parts, their polygons in the picture's coordinates.
        stuff: what it stands on.
        x, foot: its middle's x and its lowest y.
        wide, high: its extent.
        tilt: slope of the ground line along it.
    """
    name: str
    parts: list
    stuff: str
    x: float
    foot: float
    wide: float
    high: float
    tilt: float


def paint(rng, size, regions, poses):
    """Paints regions [(stuff, (size, size) how far it covers those before it)], then the things in their order.

    Returns:
        image: (size, size, 3) uint8 RGB.
        owner: (size, size) index of the region to which each pixel belongs.
        solids: for each thing (size, size) float32 in [0, 1], how much of each pixel it covers.
    """
    sun = float(rng.choice([-1, 1]))
    picture, owner = _paint_regions(rng, size, regions, poses)
    names, solids = np.array([name for name, _ in regions]), []
    for pose in poses:
        layer, solid = _paint_thing(rng, size, pose)
        if pose.stuff == 'water':
            picture = _mirror(rng, picture, names[owner] == 'water', pose, layer, solid)
        elif pose.stuff != 'sky':
            picture = _shadow(picture, pose, sun)
        picture = blend(picture, layer, solid)
        solids.append(solid)
    return _photograph(rng, picture, sun), owner, solids


def _paint_regions(rng, size, regions, poses):
    picture, owner = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.intp)
    for number, (name, amount) in enumerate(regions):
        base, tilt = rng.uniform(0.4, 0.9), rng.uniform(-0.1, 0.1)
        for pose in poses:
            if pose.stuff == name:  # a train stands on a track, and the tracks run its way
                base, tilt = pose.foot - 0.05 * pose.wide - (pose.x - 0.5) * pose.tilt, pose.tilt
        if number and name != 'sky':
            picture = picture * (1 - 0.35 * blur(amount, size / 40))[..., None]  # what rises from a ground shades it
        picture = blend(picture, PAINTERS[name](rng, size, base, tilt), amount)
        owner[amount > 0.5] = number
    return picture, owner


def _paint_thing(rng, size, pose):
    """The thing's colours (size, size, 3) and how much of each pixel it covers (size, size)."""
    _, y = grid(size)
    grain = 1 + 0.018 * noise(rng, (size, size), size / 24, octaves=4, fall=0.8)
    colours, laid = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    for part in pose.parts:
        here = around(size, part.shapes)
        amount = cover(size, part.shapes, here)
        rim = 1 - blur(amount, max(0.6, 0.03 * pose.wide * size)) if part.bulge else 0.0
        if part.clip:
            amount = amount * cover(size, part.clip, here)
        heights = np.concatenate(part.shapes)[:, 1]
        down = np.clip((y[here] - float(heights.min())) / float(np.ptp(heights)), 0, 1)
        light = amount * grain[here] * (1.08 - part.shade * down * np.sqrt(down)) * (1 - 1.2 * part.bulge * rim)
        colours[here] = colours[here] * (1 - amount)[..., None] + part.paint * light[..., None]
        laid[here] = laid[here] * (1 - amount) + amount
    # The silhouette in one go: where parts meet, their soft edges on top of each other would let the ground through.
    solid = cover(size, outline(pose.parts))
    return colours / np.maximum(laid, 1e-3)[..., None], solid


def _mirror(rng, picture, water, pose, layer, solid):
    """The picture with the thing upside down on the ``water`` below its foot, broken by ripples, fading downwards."""
    size = len(picture)
    ripple = noise(rng, (size, size), size / 40, octaves=2, stretch=5)
    rows, columns = np.mgrid[:size, :size]
    depth = (rows - pose.foot * size).astype(np.float32)
    rows = np.clip(rows - 2 * depth + 1.5 * ripple, 0, size - 1).astype(int)
    columns = np.clip(columns + 0.03 * size * ripple * ramp(depth, 0, 0.3 * size), 0, size - 1).astype(int)
    seen = solid[rows, columns] * (water & (depth > -1)) * (1 - ramp(depth, 0, 0.9 * pose.high * size))
    return blend(picture, 0.65 * layer[rows, columns], 0.6 * seen)


def _shadow(picture, pose, sun):
    below = 0.05 if pose.name == 'aeroplane' else -0.01  # it flies
    x, y = pose.x + 0.06 * sun * pose.wide, pose.foot + below - 0.02 * pose.wide
    shade = cover(len(picture), [ellipse(x, y, 0.5 * pose.wide, 0.07 * pose.wide)])
    return picture * (1 - 0.6 * blur(shade, 0.025 * pose.wide * len(picture) + 0.5))[..., None]


def _photograph(rng, picture, sun):
    """Light, lens and sensor: (H, W, 3) float in [0, 1] to uint8."""
    x, y = grid(len(picture))
    light = 1 + rng.uniform(0.05, 0.3) * sun * (x - 0.5) - rng.uniform(0, 0.15) * (y - 0.5)
    light = light * (1 - rng.uniform(0, 0.5) * ((x - 0.5)**2 + (y - 0.5)**2))
    tint = colour(rng, rng.choice([0.09, 0.58]), 0.05, 1.0, spread=0.015)
    picture = np.clip(picture * (rng.uniform(0.88, 1.12) * light[..., None] * tint), 0, 1)
    picture = blur(picture**rng.uniform(0.85, 1.15), 0.4)
    picture = picture + rng.uniform(0.004, 0.015) * rng.standard_normal(picture.shape, dtype=np.float32)
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
