"""Arranges the demo scenes: which thing stands where and on what; and labels what has been painted."""
from dataclasses import dataclass

import numpy as np

from .paint import cover, grid, noise, ramp
from .render import Pose, paint
from .things import BUILDERS, outline

CLASSES = ('background', 'train', 'boat', 'cow', 'aeroplane')
OWN_STUFF = dict(train='rails', boat='water', cow='grass', aeroplane='sky')
NEUTRAL = ('sand', 'wall', 'soil')
STUFF = (*OWN_STUFF.values(), *NEUTRAL)
CLASSES_ALL = (*OWN_STUFF, *STUFF)
SPLITS = ('train', 'val', 'test', 'background')
VOID = 255


@dataclass
class Scene:
    """A picture with its labels.

    Args:
        image: (H, W, 3) uint8 RGB.
        things: the class name of each instance, in the order of the ids in ``instances``.
        on_own: whether each thing is on its own stuff; if not, none of that stuff is in the picture.
        instances: (H, W) uint8, 0 where there is no thing, 1.. per thing, VOID along the edges of things.
        stuff: (H, W) uint8, index in CLASSES_ALL of the stuff at, or behind, each pixel.
    """
    image: np.ndarray
    things: tuple
    on_own: bool
    instances: np.ndarray
    stuff: np.ndarray

    @property
    def semantic(self):
        """(H, W) uint8: index in CLASSES, VOID along the edges of things."""
        return self._with_things(np.zeros_like(self.stuff), CLASSES)

    @property
    def everything(self):
        """(H, W) uint8: index in CLASSES_ALL of the thing or stuff, VOID along the edges of things."""
        return self._with_things(self.stuff.copy(), CLASSES_ALL)

    def _with_things(self, mask, names):
        for number, name in enumerate(self.things, 1):
            mask[self.instances == number] = names.index(name)
        mask[self.instances == VOID] = VOID
        return mask


def cast(split, index, mixed=False):
    """(names of the things, whether on their own stuff) of a scene, without drawing it.

    The index goes through the classes, and each fourth round has two things. In the test split, and with ``mixed`` in
    all of them, half of the scenes, with one thing and with two alike, have them away from their own stuff. The scenes
    of 'background' have no thing.
    """
    if split == 'background':
        return (), True
    names, turn = tuple(OWN_STUFF), index // 4
    partner = (names[(index + 1 + turn // 4 % 3) % 4],) if turn % 4 == 3 else ()
    return (names[index % 4], *partner), not (mixed or split == 'test') or (turn + turn // 4) % 2 == 0


def draw(seed, split, index, size, mixed=False):
    """The scene ``index`` of a split as a Scene of ``size`` x ``size`` pixels.

    It depends on these five values alone, so that a longer split begins with the scenes of a shorter one.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    things, on_own = cast(split, index, mixed)
    regions, floors = (_one_floor if len(things) < 2 else _two_floors)(rng, size, things, on_own)
    poses = [_pose(rng, name, floor) for name, floor in zip(things, floors, strict=False)]  # none without a thing
    image, owner, solids = paint(rng, size, regions, poses)
    labels = np.array([CLASSES_ALL.index(name) for name, _ in regions], np.uint8)
    instances = np.zeros((size, size), np.uint8)
    for number, solid in enumerate(solids, 1):
        instances[solid > 0.25] = VOID
        instances[solid >= 0.75] = number
    return Scene(image, things, on_own, instances, labels[owner])


@dataclass
class Floor:
    """Where a thing may be: on ``stuff``, within left, top, right, bottom; ``share`` of the picture for it to fill."""
    stuff: str
    left: float
    top: float
    right: float
    bottom: float
    share: float


def _one_floor(rng, size, things, on_own):
    """Regions [(stuff, (size, size) how far it covers those before it)], and a Floor for the thing, if there is one."""
    if on_own:
        main = OWN_STUFF[things[0]] if things else rng.choice(list(OWN_STUFF.values()))
        other = rng.choice(NEUTRAL)
    else:
        foreign = [name for name in STUFF if name != OWN_STUFF[things[0]]]
        neutral = rng.random() < 0.5
        main = rng.choice([name for name in foreign if (name in NEUTRAL) == neutral and name != 'sky'])
        other = rng.choice([name for name in foreign if name != main])
    side = rng.choice(['top', 'bottom', 'left', 'right'], p=[0.4, 0.3, 0.15, 0.15])
    reach = rng.uniform(0.2, 0.38)
    if other == 'sky':
        side = 'top'
    elif main == 'sky' and (side == 'top' or other != 'wall'):
        side = 'bottom'
    elif main == 'wall':  # with ground at its foot for the thing to stand on
        side, reach = 'bottom', 0.7 * reach
    elif other == 'wall' and main != 'sky' and side == 'bottom':  # a house in front would be seen from its roof
        side = 'top'
    room = dict(left=0.0, top=0.0, right=1.0, bottom=1.0)
    room[side] = reach if side in ('left', 'top') else 1 - reach
    edge = _within(rng, size, side, reach, straight='wall' in (main, other))
    return [(main, np.ones_like(edge)), (other, edge)], [Floor(main, **room, share=rng.uniform(0.1, 0.3))]


def _two_floors(rng, size, things, on_own):
    """Regions as above, and two Floors: one further up, one further down, with a neutral strip between them."""
    if on_own:
        stuffs = [OWN_STUFF[thing] for thing in things]
    else:
        unfit = {'sky', 'wall', *(OWN_STUFF[thing] for thing in things)}
        stuffs = list(rng.permutation([name for name in STUFF if name not in unfit])[:2])
    strip = rng.choice([name for name in NEUTRAL if name not in stuffs])
    upper = stuffs.index('sky') if 'sky' in stuffs else int(rng.integers(2))
    middle, half = rng.uniform(0.46, 0.54), rng.uniform(0.05, 0.08)
    strip_edge = _within(rng, size, 'bottom', 1 - middle + half, straight=strip == 'wall')
    lower_edge = _within(rng, size, 'bottom', 1 - middle - half, straight=False)
    regions = [(stuffs[upper], np.ones_like(strip_edge)), (strip, strip_edge), (stuffs[1 - upper], lower_edge)]
    floors = [Floor(stuffs[upper], 0, 0, 1, middle - half, rng.uniform(0.08, 0.13)),
              Floor(stuffs[1 - upper], 0, middle + half, 1, 1, rng.uniform(0.1, 0.15))]
    return regions, floors if upper == 0 else floors[::-1]


def _within(rng, size, side, reach, straight):
    """(size, size) in [0, 1]: what lies within ``reach`` of a ``side``, with a soft edge that is straight or wavy."""
    x, y = grid(size)
    depth = dict(top=y, bottom=1 - y, left=x, right=1 - x)[side]
    along = x if side in ('top', 'bottom') else y
    edge = reach + rng.uniform(-1, 1) * (0.04 if straight else 0.12) * (along - 0.5)
    if not straight:
        edge = edge + 0.02 * noise(rng, (size, size), size / 4) + 0.006 * noise(rng, (size, size), size / 40, 2)
    return ramp(edge - depth, -1.2 / size, 1.2 / size)


def _pose(rng, name, floor):
    """A thing of class ``name`` turned, scaled and moved to a random place on its floor."""
    parts = BUILDERS[name](rng)
    turn = np.deg2rad(dict(train=0, boat=5, cow=2, aeroplane=16)[name] * rng.uniform(-1, 1))
    flip = float(rng.choice([-1, 1]))
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * (flip, 1)
    points = np.concatenate(outline(parts)) @ spin
    low, high = points.min(0), points.max(0)
    extent, middle, reach = high - low, (low + high) / 2, (high - low).max()
    filled = cover(64, [(shape @ spin - middle) / reach + 0.5 for shape in outline(parts)]).mean() * reach**2
    rise = min((floor.bottom - floor.top) / 0.75, floor.bottom) - 0.05  # a quarter may stand out above the floor
    width = min(1.1 * (floor.right - floor.left), 0.98)
    scale = min(np.sqrt(floor.share / filled), rise / extent[1], width / extent[0])
    wide, tall = (extent * scale).tolist()
    x = _between(rng, floor.left + 0.46 * wide, floor.right - 0.46 * wide)
    if floor.stuff == 'wall' and floor.bottom < 1:  # in front of the wall, not half-way up
        foot = floor.bottom + rng.uniform(0.02, 0.06)
    else:
        foot = _between(rng, max(0.02 + tall, floor.top + 0.75 * tall), floor.bottom - 0.03)
    place = (x - middle[0] * scale, foot - high[1] * scale)
    for part in parts:
        part.shapes = [shape @ spin * scale + place for shape in part.shapes]
        part.clip = [shape @ spin * scale + place for shape in part.clip]
    return Pose(name, parts, floor.stuff, x, foot, wide, tall, tilt=-0.07 * flip)


def _between(rng, low, high):
    return float(rng.uniform(low, high)) if low < high else (low + high) / 2
