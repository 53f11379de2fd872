"""Builds the things of the demo scenes, each as a list of painted parts in coordinates of its own.

A thing is about 2 wide, with x to the right and y downwards; it stands on y = 0 and faces left. Colours and proportions
are drawn from ``rng``, so that no colour belongs to one class.
"""
from dataclasses import dataclass

import numpy as np

from .paint import colour, ellipse, limb, smooth

DARK, PALE = np.float32([0.1, 0.1, 0.11]), np.float32([0.93, 0.92, 0.88])
WOOD, YELLOW = np.float32([0.4, 0.3, 0.2]), np.float32([0.85, 0.7, 0.12])


@dataclass
class Part:
    """One paint of a thing.

    Args:
        shapes: list of (N, 2) polygons.
        paint: (3,) RGB in [0, 1].
        shade: how much darker its lower end is than its upper one.
        bulge: how dark its rim is, which makes a flat shape look round.
        clip: list of polygons outside of which nothing is painted; empty for none.
    """
    shapes: list
    paint: np.ndarray
    shade: float = 0.3
    bulge: float = 0.3
    clip: list = ()

    def __post_init__(self):
        self.shapes = [np.asarray(shape, np.float64) for shape in self.shapes]
        self.clip = [np.asarray(shape, np.float64) for shape in self.clip]


def outline(parts):
    """The polygons that together are the thing's silhouette: all but those that only paint on others."""
    return [shape for part in parts if not part.clip for shape in part.shapes]


def pick(rng, options, odds):
    return options[rng.choice(len(options), p=odds)]


def cow(rng):
    white, black, tan = colour(rng, 0.1, 0.07, 0.88), colour(rng, 0.08, 0.2, 0.14), colour(rng, 0.09, 0.45, 0.7)
    brown = colour(rng, 0.06, 0.6, rng.uniform(0.32, 0.5))
    coat, mark = pick(rng, [(white, black), (white, brown), (brown, white), (black, white), (tan, white)],
                      [0.32, 0.28, 0.18, 0.1, 0.12])
    body = smooth([(-0.66, -1.0), (-0.3, -0.99), (0.1, -0.95), (0.5, -0.99), (0.8, -0.97), (0.88, -0.75), (0.82, -0.5),
                   (0.5, -0.42), (0.1, -0.33), (-0.3, -0.34), (-0.6, -0.43), (-0.76, -0.65)])
    tail = limb([(0.82, -0.93), (0.95, -0.8), (0.93, -0.45), (0.95, -0.35)], [0.1, 0.06, 0.05, 0.1])
    feet = list(zip((-0.45, 0.66, -0.56, 0.74), rng.uniform(-0.12, 0.12, 4), strict=True))  # the far two, the near two
    legs = [limb([(x, -0.5), (x + 0.3 * step, -0.25), (x + step, 0)], [0.28, 0.14, 0.13]) for x, step in feet]
    hooves = [limb([(x + 0.85 * step, -0.07), (x + step, 0)], [0.13, 0.16]) for x, step in feet]
    places = zip(rng.uniform([-0.6, -0.15, 0.35], [-0.3, 0.25, 0.8]), rng.uniform(-0.95, -0.6, 3), strict=True)
    patches = [_patch(rng, x, y, rng.uniform(0.14, 0.3)) for x, y in places]
    return [
        Part(legs[:2], coat * 0.55),
        Part([tail], coat * 0.7),
        Part([smooth(ellipse(0.42, -0.36, 0.16, 0.1, 8))], colour(rng, 0.02, 0.3, 0.75)),  # the udder
        Part(legs[2:], coat * 0.92),
        Part([body], coat, shade=0.5, bulge=0.45),
        Part(patches, mark, shade=0.5, bulge=0, clip=[body]),
        Part(hooves, DARK * 1.3, shade=0.1),
        *_cow_head(rng, coat, mark),
    ]


def _patch(rng, x, y, reach):
    angle = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    far = reach * rng.uniform(0.6, 1.25, 9)
    return smooth(np.stack([x + far * np.cos(angle), y + 0.85 * far * np.sin(angle)], 1))


def _cow_head(rng, coat, mark):
    nod = pick(rng, [-0.1, 0.15, 0.62], [0.35, 0.35, 0.3])  # held high, level, or grazing
    centre = np.array([-1.04 + 0.06 * abs(nod), -1.1 + nod])
    turn = np.deg2rad(rng.uniform(15, 40))

    def turned(points, angle=turn):
        """``points`` around the head's centre, with the nose ``angle`` below the level."""
        cos, sin = np.cos(angle), np.sin(angle)
        return np.asarray(points) @ np.array([[cos, -sin], [sin, cos]]) + centre

    neck = limb([(-0.5, -0.78), (-0.74, -0.86 + 0.3 * nod), centre + (0.08, 0.02)], [0.52, 0.42, 0.28])
    horns = [limb([(x, -0.15), (x + 0.02, -0.26), (x - 0.05, -0.33)], [0.07, 0.05, 0.02]) for x in (-0.04, 0.09)]
    ears = [smooth([(0.08, -0.1), (0.2, -0.2), (0.3, -0.14), (0.2, -0.06)]),
            smooth([(-0.1, -0.12), (-0.16, -0.27), (-0.07, -0.26), (-0.02, -0.14)])]
    face = smooth([(0.12, -0.17), (-0.06, -0.17), (-0.28, -0.03), (-0.42, 0.04), (-0.42, 0.17), (-0.22, 0.19),
                   (0.1, 0.14), (0.17, 0)])
    blaze = smooth([(-0.02, -0.17), (-0.3, -0.03), (-0.28, 0.04), (-0.02, -0.08)])
    muzzle = smooth(ellipse(-0.37, 0.1, 0.11, 0.1, 8))
    eye, nostril = ellipse(-0.07, -0.03, 0.04, 0.04, 10), ellipse(-0.41, 0.07, 0.025, 0.025, 10)
    dark, pale = sorted((coat, mark), key=np.sum)
    return [
        Part([neck], coat, bulge=0.35),
        Part([turned(horn, 0) for horn in horns], PALE * 0.85),
        Part([turned(ear, -turn / 2) for ear in ears], dark * 0.9),
        Part([turned(face)], dark, bulge=0.35),
        Part([turned(blaze)], pale, bulge=0.05),
        Part([turned(muzzle)], colour(rng, 0.02, 0.28, 0.78)),
        Part([turned(eye), turned(nostril)], DARK * 0.6, shade=0, bulge=0),
    ]


def train(rng):
    """A railcar seen from ahead and beside: its face on the left, its side running to the back."""
    hue, tall, back = rng.uniform(), rng.uniform(0.95, 1.15), rng.uniform(0.62, 0.75)
    paint = colour(rng, hue, rng.uniform(0.25, 0.75), rng.uniform(0.4, 0.75))
    second = pick(rng, [PALE * 0.94, colour(rng, hue + 0.5, 0.6, 0.6), paint * 0.55], [0.4, 0.3, 0.3])
    glass = colour(rng, 0.57, 0.3, 0.24)

    def side(u, v):
        """Point of the side: u from its front (0) to its back (1), v from its foot (0) to the roof (1)."""
        u = u * back / (u * back + (1 - u))  # equal lengths look shorter further away
        return -0.5 + 1.6 * u, -0.14 - 0.1 * u - v * (tall * (1 - u * (1 - back)) - 0.14)

    def face(u, v):
        """Point of the face: u from its outer edge (0) to the side (1), v as above."""
        return -0.5 - 0.52 * (1 - u), -0.14 - 0.03 * (1 - u) - v * (tall - 0.14 - 0.05 * (1 - u))

    def panel(plane, left, right, low, high):
        return [plane(left, low), plane(right, low), plane(right, high), plane(left, high)]

    def ring(plane, *points):
        return np.array([plane(*point) for point in points])

    bays = np.linspace(0.06, 0.97, rng.integers(5, 8))
    bays = list(zip(bays[:-1] + 0.02, bays[1:] - 0.02, strict=True))
    door = bays.pop(rng.choice(len(bays)))
    wheels = []
    for u in (0.1, 0.24, 0.72, 0.86):
        (x, y), size = side(u, 0), 1 - 0.3 * u
        wheels.append(ellipse(x, y + 0.06 * size, 0.09 * size, 0.1 * size))
    roof = np.concatenate([ring(face, (0.04, 0.95), (0.2, 1.07), (0.8, 1.09)),
                           ring(side, (0.03, 1.09), (1, 1.06), (1, 0.97), (0, 0.97))])
    front = smooth(ring(face, (0, 0.04), (0, 0.5), (0.04, 0.93), (0.2, 1.02), (0.8, 1.02), (0.98, 0.96), (1, 0.5),
                        (1, 0.02), (0.5, -0.02)), 4)
    plough = ring(face, (0.04, 0.06), (0.96, 0.06), (0.9, -0.1), (0.5, -0.13), (0.1, -0.1))
    glare = ring(face, (0.16, 0.6), (0.34, 0.6), (0.5, 0.86), (0.32, 0.86))
    lamps = (0.16, 0.22), (0.84, 0.22), (0.5, 0.96)
    return [
        Part([panel(side, 0, 1, -0.13, 0.06)], DARK * 1.6, shade=0.1, bulge=0.1),
        Part(wheels, DARK * 2.4, bulge=0.6),
        Part([roof], PALE * 0.55, bulge=0.2),
        Part([panel(side, 0, 1, 0, 1)], paint * 0.88, bulge=0.15),
        Part([panel(side, 0, 1, rng.uniform(0.08, 0.3), rng.uniform(0.34, 0.44))], second, shade=0.1, bulge=0),
        Part([panel(side, *door, 0.04, 0.82)], paint * 0.62, shade=0.2),
        Part([panel(side, *bay, 0.48, 0.78) for bay in bays], glass, shade=-0.4),
        Part([plough], DARK * 1.8, shade=0.2),
        Part([front], paint * 1.08, shade=0.25, bulge=0.35),
        Part([panel(face, 0.03, 0.97, 0.1, 0.4)], pick(rng, [second, YELLOW], [0.5, 0.5]), bulge=0.1, clip=[front]),
        Part([panel(face, 0.1, 0.9, 0.56, 0.88)], glass * 0.8, shade=-0.5),
        Part([glare], glass + 0.3, shade=0, bulge=0),
        Part([ellipse(*face(*lamp), 0.085, 0.09) for lamp in lamps[:2]], DARK * 2, bulge=0.2),
        Part([ellipse(*face(*lamp), 0.055, 0.06) for lamp in lamps], np.float32([1, 0.96, 0.76]), shade=0, bulge=0),
    ]


def boat(rng):
    """A sailing boat with a main sail, a jib and a small cabin."""
    paint = colour(rng, rng.uniform(), rng.uniform(0.0, 0.75), rng.uniform(0.3, 0.9))
    cloth = pick(rng, [PALE, colour(rng, 0.1, 0.2, 0.85), colour(rng, rng.uniform(), 0.65, 0.75)], [0.5, 0.2, 0.3])
    deck, mast, belly = -rng.uniform(0.3, 0.42), rng.uniform(-0.14, 0.05), rng.uniform(0.06, 0.16)
    top, boom = -rng.uniform(1.75, 2.15), deck - 0.14
    middle = (top + boom) / 2
    hull = smooth([(-0.95, deck - 0.1), (-0.5, deck - 0.02), (0.2, deck), (0.8, deck - 0.03), (0.82, deck),
                   (0.68, -0.03), (0.3, 0.03), (-0.4, 0.03), (-0.72, -0.06)], 6)
    stripe = [(-1, deck + 0.1), (1, deck + 0.12), (1, deck + 0.18), (-1, deck + 0.16)]
    cabin = [(-0.28, deck), (-0.2, deck - 0.17), (0.42, deck - 0.17), (0.48, deck)]
    panes = [ellipse(x, deck - 0.085, 0.05, 0.045, 12) for x in (-0.08, 0.1, 0.28)]
    main = smooth([(0.05, top + 0.06), (0.35 + belly, middle), (0.78, boom), (0.76, boom + 0.02), (0.4, boom + 0.01),
                   (0.05, boom), (0.045, boom - 0.05), (0.05, middle)], 6) + (mast, 0)
    heights = [top + t * (boom - top) for t in (0.35, 0.6, 0.82)]
    seams = [[(mast, y), (1.1, y + 0.05), (1.1, y + 0.075), (mast, y + 0.025)] for y in heights]
    jib = [(mast - 0.03, top + 0.25), (mast - 0.3 - belly / 2, middle + 0.15), (-0.86, boom), (-0.5, boom + 0.05),
           (mast - 0.06, boom + 0.02), (mast - 0.1, middle + 0.1)]
    flag = [(mast, top - 0.02), (mast + 0.2, top + 0.03), (mast, top + 0.09)]
    return [
        Part([cabin], PALE * 0.9),
        Part(panes, DARK * 2, shade=0.1, bulge=0.2),
        Part([limb([(mast, 0.1 + deck), (mast, top - 0.03)], [0.055, 0.04])], WOOD, shade=0.1),
        Part([main], cloth, shade=0.22),
        Part(seams, cloth * 0.78, shade=0.1, bulge=0, clip=[main]),
        Part([jib], pick(rng, [cloth * 0.93, PALE], [0.7, 0.3])),
        Part([flag], colour(rng, rng.uniform(), 0.8, 0.8), shade=0.1, bulge=0.1),
        Part([limb([(mast, boom + 0.02), (mast + 0.8, boom + 0.02)], [0.05, 0.04])], WOOD, shade=0.1, bulge=0.1),
        Part([hull], paint, shade=0.5),
        Part([stripe], PALE if paint.sum() < 1.8 else DARK * 3, shade=0.2, bulge=0, clip=[hull]),
    ]


def aeroplane(rng):
    """An airliner with its wheels up, seen from beside and a little from above."""
    livery, metal = colour(rng, rng.uniform(), 0.7, rng.uniform(0.4, 0.75)), colour(rng, 0.6, 0.05, 0.62)
    paint = pick(rng, [PALE, colour(rng, 0.6, 0.04, 0.75), colour(rng, rng.uniform(), 0.4, 0.72)], [0.5, 0.25, 0.25])
    tube = smooth([(-1.08, -0.32), (-1.0, -0.43), (-0.82, -0.52), (-0.4, -0.55), (0.3, -0.54), (0.75, -0.51),
                   (1.08, -0.47), (1.1, -0.43), (0.8, -0.32), (0.4, -0.2), (-0.3, -0.14), (-0.8, -0.16),
                   (-1.03, -0.24)], 6)
    span = rng.uniform(0.85, 1.15)
    near_wing = [(-0.32, -0.26), (0.16, -0.26), (0.64, 0.32 * span), (0.46, 0.34 * span)]
    far_wing = [(-0.22, -0.5), (0.1, -0.5), (0.52, -0.92 * span), (0.4, -0.93 * span)]
    near_tail = [(0.74, -0.42), (1.0, -0.42), (1.22, -0.2), (1.08, -0.19)]
    far_tail = [(0.8, -0.47), (1, -0.48), (1.18, -0.63), (1.08, -0.64)]
    fin = [(0.6, -0.49), (0.92, -1.0), (1.14, -1.02), (1.06, -0.46)]
    engine = smooth([(-0.2, -0.08), (0.08, -0.07), (0.14, 0), (0.08, 0.07), (-0.2, 0.08)], 5)
    mounts = (-0.05, -0.02), (0.22, 0.16)
    windows = [ellipse(x, -0.42, 0.022, 0.03, 8) for x in np.arange(-0.74, 0.7, 0.095)]
    cockpit = [(-1.0, -0.42), (-0.88, -0.475), (-0.82, -0.42), (-0.97, -0.37)]
    belly = [(-1.2, -0.29), (1.2, -0.33), (1.2, 0), (-1.2, 0)]
    line = [(-1.2, -0.34), (1.2, -0.37), (1.2, -0.32), (-1.2, -0.29)]
    return [
        Part([far_wing, far_tail], metal * 0.85, shade=0.1, bulge=0.2),
        Part([fin], livery, shade=0.2, bulge=0.2),
        Part([tube], paint, bulge=0.4),
        Part([belly], pick(rng, [metal, livery], [0.5, 0.5]), shade=0.4, bulge=0, clip=[tube]),
        Part([line], livery, shade=0.1, bulge=0, clip=[tube]),
        Part([*windows, cockpit], DARK * 2.2, shade=0, bulge=0),
        Part([engine + mount for mount in mounts], paint * 0.8, shade=0.5, bulge=0.4),
        Part([ellipse(x - 0.2, y, 0.03, 0.075, 12) for x, y in mounts], DARK, shade=0, bulge=0),
        Part([near_wing], metal, shade=0.25, bulge=0.25),
        Part([near_tail], metal, shade=0.2, bulge=0.2),
    ]


BUILDERS = dict(train=train, boat=boat, cow=cow, aeroplane=aeroplane)
