"""Instances by IRN: pixels whose displacements lead to one place are an object, whose scores walk up to boundaries."""
from pathlib import Path

import numpy as np
import torch

from mmfbr.core import boundary_walk, enlarged, reduced
from mmfbr.evaluation import image_ids
from mmfbr.files import InputError, require_files
from mmfbr.image_files import read_relations

from .regions import parts, pixels, without_small
from .sources import Instance, checked_cam, checked_threshold


class DisplacementInstances:
    """Instances of CAM files and files of relations, which tools/make_pseudo_masks.py --refine irn writes.

    The CAM of each class is divided among the objects, each part walks alone, and a pixel goes to the part that reaches
    it most, if that is more than ``threshold`` of the highest value in the image. The score of an instance is its
    highest value.

    Args:
        num_classes (int): C, the background included.
        method (Displacements): the settings.
        cams, relations (str | Path): folders of ID.npz.
        threshold (float): score of the background; the released code's is 0.25.
        bg_index (int): the background's index.

    Raises:
        InputError: a folder is missing.
    """

    def __init__(self, num_classes, method, cams, relations, threshold=0.25, bg_index=0):
        if cams is None or relations is None:
            raise InputError("The method 'irn' divides CAMs by displacements: give --cams and --relations, folders "
                             'that tools/make_pseudo_masks.py --refine irn wrote with --cam-dir and --relations.')
        self.num_classes, self.method, self.cams, self.relations = num_classes, method, cams, relations
        self.threshold, self.bg_index = checked_threshold(threshold), bg_index

    def ids(self, list_file=None):
        """The images of a list, or all that have a CAM file; raises InputError when one lacks a file."""
        ids = image_ids(self.cams, list_file, '.npz', 'The folder of CAM files')
        require_files(self.cams, ids, '.npz', 'CAM file')
        require_files(self.relations, ids, '.npz', 'file of relations')
        return ids

    def __call__(self, image_id, size):
        """[``Instance``, ...] of an image of ``size`` (height, width), class by class and object by object."""
        cam, classes, _ = checked_cam(self.cams, image_id, size, self.num_classes, self.bg_index)
        path = Path(self.relations, f'{image_id}.npz')
        boundary, field = read_relations(path)
        self._check(boundary, field, path, size)
        maps, groups = reduced(torch.from_numpy(cam), boundary.shape[1:]), self.method.groups(field)
        seeds, owners = [], []
        for index, own in zip(classes.tolist(), maps, strict=True):
            for number in range(groups.max() + 1):
                seed = own * torch.from_numpy(groups == number)
                if seed.any():
                    seeds.append(seed)
                    owners.append(index)
        if not seeds:
            return []
        walked = boundary_walk(torch.stack(seeds), torch.from_numpy(boundary[0]), self.method.radius, self.method.beta,
                               self.method.steps)
        return self._instances(walked, owners, size)

    def _instances(self, walked, owners, size):
        """The connected parts of where each of ``walked`` (S, h, w), of the classes ``owners``, is the strongest."""
        best, winner = np.zeros(size, np.float32), np.full(size, -1)
        for number, one in enumerate(walked):  # one at a time: there may be many, at the size of the image
            value = enlarged(one[None], size)[0].numpy()
            stronger = value > best
            best[stronger], winner[stronger] = value[stronger], number
        winner[best <= self.threshold * best.max()] = -1
        found = []
        for number in np.unique(winner[winner >= 0]).tolist():
            labels = without_small(parts(winner == number, self.method.connectivity),
                                   pixels(self.method.min_area, best.size))
            for part in range(1, labels.max() + 1):
                inside = labels == part
                found.append(Instance(owners[number], inside, float(best[inside].max() / best.max())))
        return found

    @staticmethod
    def _check(boundary, field, path, size):
        cells = boundary.shape[1:]
        if not any(cells == tuple(-(-side // stride) for side in size) for stride in (1, 2, 4, 8, 16, 32)):
            raise InputError(f'The file of relations {path} has {cells[1]} x {cells[0]} cells, which its image of '
                             f'{size[1]} x {size[0]} pixels has at no stride. Make it again of this image.')
        if not (np.isfinite(field).all() and (boundary >= 0).all() and (boundary <= 1).all()):
            raise InputError(f'The file of relations {path} holds values that are NaN or out of range. Make it again.')
