"""The images that the report shows: which ones, and what is drawn of each."""
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmfbr.evaluation import Scores, confusion, mask_from_cam
from mmfbr.image_files import read_cam, read_image, read_mask


def choose_images(labels, count, usual=None):
    """``count`` image ids in an even spread over the classes, without a look at any result.

    The class shown least comes next, with an image before the kind of background that it was shown with least; of those
    the one whose other classes were shown least, and then the first in the list.

    Args:
        labels (dict[str, set[int]]): foreground classes of each image, in the order of the list.
        usual (dict[str, bool] | None): which images show their things before the usual background.
    """
    classes, usual = sorted(set().union(*labels.values())), usual or {}
    if count < len(classes):
        classes = [classes[turn * len(classes) // count] for turn in range(count)]
    free, chosen, shown, kinds = dict(labels), [], Counter(), Counter()
    while len(chosen) < count:
        open_ = [c for c in classes if any(c in found for found in free.values())]
        if not open_:
            break
        turn = min(open_, key=shown.__getitem__)
        fitting = [image for image, found in free.items() if turn in found]
        known = [(kinds[turn, usual.get(image)], kinds[usual.get(image)], sum(shown[c] for c in free[image]))
                 for image in fitting]
        image = fitting[known.index(min(known))]
        chosen.append(image)
        shown.update(free.pop(image))
        kinds.update([(turn, usual.get(image)), usual.get(image)])
    return chosen


@dataclass(frozen=True, eq=False)
class Sight:
    """What one run makes of an image: ``cam`` (H, W) in [0, 1], the strongest of all classes; ``mask`` (H, W) class
    indices; ``iou`` {class: IoU} over the classes of the truth or the mask, without the background."""
    cam: np.ndarray
    mask: np.ndarray
    iou: dict


@dataclass(frozen=True, eq=False)
class Case:
    """An image of the report: pixels (H, W, 3) uint8, its labels (class indices), truth (H, W), ``usual`` background or
    not (None: unknown), what host and FBR make of it, and FBR's ``Cells``."""
    image_id: str
    image: np.ndarray
    labels: list
    truth: np.ndarray
    usual: bool | None
    host: Sight
    fbr: Sight
    regions: tuple

    @property
    def classes(self):
        """Indices of all classes in any of its masks or labels, without background and void."""
        return sorted({*self.labels, *self.host.iou, *self.fbr.iou})


def sight(cam_dir, image_id, threshold, actual, truth):
    """The ``Sight`` that the CAM file ``cam_dir/ID.npz`` gives at a threshold; ``actual`` (H, W) is the true mask."""
    cam, classes = read_cam(Path(cam_dir) / f'{image_id}.npz')
    mask = mask_from_cam(cam, classes, threshold, truth.bg_index)
    iou = Scores.of(confusion(mask, actual, len(truth.classes), truth.ignore_index)).iou
    found = {c: float(value) for c, value in enumerate(iou) if c != truth.bg_index and np.isfinite(value)}
    return Sight(cam.max(axis=0) if len(cam) else np.zeros(mask.shape), mask, found)


def read_case(image_id, item, truth, cuts, look):
    """The ``Case`` of an image.

    Args:
        image_id (str): its name in lists and, with a suffix, in folders.
        item (dict): ``img_path`` and ``image_labels`` (C,) bool.
        truth (Truth): where the masks are.
        cuts (Iterable): (run, threshold) of host and FBR.
        look (callable): (image, labels) -> Cells.
    """
    image, labels = read_image(item['img_path']), item['image_labels']
    actual = read_mask(Path(truth.mask_dir) / f'{image_id}.png')
    host, fbr = (sight(run.cam_dir, image_id, threshold, actual, truth) for run, threshold in cuts)
    present = [int(c) for c in np.flatnonzero(labels) if c != truth.bg_index]
    return Case(image_id, image, present, actual, (truth.usual or {}).get(image_id), host, fbr, look(image, labels))
