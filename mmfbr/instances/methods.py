"""The ways from a class's region to its instances, by name."""
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

import numpy as np
import torch

from mmfbr.core import centroids
from mmfbr.files import InputError

from .flooding import relief
from .regions import parts, pixels, without_small


@dataclass(frozen=True)
class Components:
    """Each connected part of the mask is an instance: objects of a class that touch are one.

    Args:
        min_area (float): parts of fewer pixels are left out; below 1 it is a share of the image.
        connectivity (int): 8 joins pixels that touch at a corner, 4 does not.
    """
    name: ClassVar[str] = 'components'
    needs_cam: ClassVar[bool] = False
    min_area: float = 0.005
    connectivity: int = 8

    def __post_init__(self):
        check_settings(self)

    def __call__(self, region, response=None):
        """The instances of a class as (H, W) int32 from 1, 0 elsewhere; ``region`` (H, W) bool, ``response`` unused."""
        return without_small(parts(region, self.connectivity), pixels(self.min_area, region.size))


@dataclass(frozen=True)
class Peaks:
    """Each peak of the class's CAM is an instance, with the pixels whose steepest ascent leads to it (``flooding``).

    A connected part of the mask is at least one instance. What a peak that does not count would have had goes on to the
    one that is reached over the highest pass.

    Args:
        min_prominence (float): what one has to descend from a peak, at least, to reach a higher one; CAMs end at 1.
        min_distance (float): pixels from a peak to the next higher one, at least; below 1 a share of the image's longer
            side.
        min_area, connectivity: as for ``Components``, of the instances and of the ways between pixels.
    """
    name: ClassVar[str] = 'peaks'
    needs_cam: ClassVar[bool] = True
    min_prominence: float = 0.2
    min_distance: float = 0.05
    min_area: float = 0.005
    connectivity: int = 8

    def __post_init__(self):
        check_settings(self)

    def __call__(self, region, response):
        """As of ``Components``; ``response`` (H, W) is the CAM of the class."""
        if not region.any():
            return np.zeros(region.shape, np.int32)
        found = relief(response, region, self.connectivity)
        chosen = found.chosen(self.min_prominence, pixels(self.min_distance, max(region.shape)))
        return without_small(found.flood(chosen), pixels(self.min_area, region.size))


@dataclass(frozen=True)
class Displacements:
    """The settings of IRN (Ahn et al., CVPR 2019) for instances, with the numbers of the released code.

    Args:
        max_displacement (float): a centroid lies where displacements are shorter than so many cells.
        iterations (int): of the way to a centroid.
        radius, beta, steps: of the walk, as of the refinement ``IRN``.
        min_area (float): parts of fewer pixels are left out; below 1 it is a share of the image.
        connectivity (int): 8 joins pixels that touch at a corner, 4 does not.
    """
    name: ClassVar[str] = 'irn'
    needs_cam: ClassVar[bool] = True
    max_displacement: float = 2.5
    iterations: int = 300
    radius: int = 5
    beta: float = 10
    steps: int = 256
    min_area: float = 0.01
    connectivity: int = 4

    def __post_init__(self):
        check_settings(self)
        if self.radius < 2 or {type(number) for number in (self.radius, self.steps, self.iterations)} != {int}:
            raise InputError("The method 'irn' needs whole numbers for radius, from 2, steps and iterations; they are "
                             f'{self.radius}, {self.steps} and {self.iterations}.')

    def groups(self, field):
        """Which object a pixel is of, (h, w) int32 from 1, by its ``field`` (2, h, w) of displacements; 0: its way ends
        at no centroid.

        A centroid is a connected part of short displacements.
        """
        near = parts(np.hypot(*field) < self.max_displacement, self.connectivity)
        y, x = centroids(torch.from_numpy(field), self.iterations).numpy()
        return near[y, x]


def check_settings(method):
    """Raises InputError for a negative amount, a connectivity other than 4 or 8, and what is no number."""
    for name, value in asdict(method).items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
            raise InputError(f'The setting {name} of the method {method.name!r} must be a number from 0; it is '
                             f'{value!r}.')
    if method.connectivity not in (4, 8):
        raise InputError(f'The connectivity must be 4 or 8; it is {method.connectivity}.')


METHODS = {kind.name: kind for kind in (Peaks, Components, Displacements)}


def method(name, **settings):
    """The method ``name`` of ``settings``; raises InputError for a name or setting that there is not."""
    if name not in METHODS:
        raise InputError(f'There is no method {name!r}: choose one of {", ".join(METHODS)}.')
    known = [field.name for field in fields(METHODS[name])]
    unknown = sorted(settings.keys() - {*known})
    if unknown:
        raise InputError(f'The method {name!r} has no setting {", ".join(unknown)}; it has {", ".join(known)}.')
    return METHODS[name](**settings)
