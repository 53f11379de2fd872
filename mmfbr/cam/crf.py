"""Masks by a dense CRF over class activation maps, in processes of their own."""
import importlib.util
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np

from mmfbr.files import InputError


@dataclass(frozen=True)
class CRF:
    """Fully connected CRF (Kraehenbuehl and Koltun, NeurIPS 2011) with a Gaussian and a bilateral kernel.

    Its unary terms are the scores of the present classes and the background, divided by their sum. The background's
    score is the threshold, the same at each pixel; or, with ``alpha``, ``(1 - strongest activation) ** alpha``
    (AffinityNet, Ahn and Kwak, CVPR 2018).

    Attributes:
        iterations (int): of mean field inference.
        alpha (float | None): power of the background's score; None: the threshold is the score.
        xy, xy_weight (float): width in pixels and weight of the Gaussian kernel.
        bi_xy, bi_rgb, bi_weight (float): widths in pixels and in colour (0 to 255), and weight of the bilateral one.

    Raises:
        InputError: for a number out of range.
    """
    iterations: int = 10
    alpha: float | None = None
    xy: float = 3
    xy_weight: float = 3
    bi_xy: float = 67
    bi_rgb: float = 3
    bi_weight: float = 4
    name = 'crf'

    def __post_init__(self):
        positive = (self.xy, self.bi_xy, self.bi_rgb, 1 if self.alpha is None else self.alpha)
        if self.iterations < 0 or min(positive) <= 0 or min(self.xy_weight, self.bi_weight) < 0:
            raise InputError(f'A CRF needs widths and alpha above 0, weights and iterations from 0; they are {self}.')

    @staticmethod
    def check():
        """Raises InputError where the optional package that does the inference is missing."""
        if importlib.util.find_spec('pydensecrf') is None:
            raise InputError("Refinement by CRF needs the optional package pydensecrf2: pip install 'mmfbr[crf]', or "
                             'choose another refinement.')

    def probabilities(self, cam, threshold=None):
        """Scores (K + 1, H, W) float32 of the background and of ``cam`` (K, H, W) in [0, 1], with a sum of 1."""
        background = (np.full_like(cam[:1], threshold) if self.alpha is None
                      else (1 - cam.max(0, keepdims=True)).clip(0) ** self.alpha)
        scores = np.concatenate([background, cam]).clip(1e-5)  # a class that is present is nowhere impossible
        return scores / scores.sum(0)

    def mask(self, image, cam, classes, threshold=None, bg_index=0):
        """Class indices (H, W) uint8 of ``image`` (H, W, 3) uint8 with maps ``cam`` (K, H, W) of ``classes`` (K,)."""
        if not len(cam):
            return np.full(image.shape[:2], bg_index, np.uint8)
        from pydensecrf.densecrf import DenseCRF2D
        height, width = image.shape[:2]
        crf = DenseCRF2D(width, height, len(cam) + 1)
        unary = -np.log(self.probabilities(cam, threshold)).reshape(len(cam) + 1, -1)
        crf.setUnaryEnergy(np.ascontiguousarray(unary, np.float32))
        crf.addPairwiseGaussian(sxy=self.xy, compat=self.xy_weight)
        # The image as a copy: pydensecrf takes none that is read-only, as those of Pillow are.
        crf.addPairwiseBilateral(sxy=self.bi_xy, srgb=self.bi_rgb, rgbim=np.array(image),
                                 compat=self.bi_weight)
        label = np.argmax(crf.inference(self.iterations), axis=0).reshape(height, width)
        return np.array([bg_index, *classes], np.uint8)[label]


class Workers:
    """``count`` processes that run functions; one that dies is an InputError for its caller, never a wait without end.

    They start when they are first needed and end with the process that made them, however that ends.
    """

    def __init__(self, count):
        self.count, self.pool = count, None

    def __enter__(self):
        # Not forked: the process has threads, of this package and of torch, whose locks a copy would keep closed.
        self.pool = ProcessPoolExecutor(self.count, multiprocessing.get_context('spawn'), _end_with_parent)
        return self

    def __exit__(self, *error):
        self.pool.shutdown(wait=error[0] is None, cancel_futures=True)

    def __call__(self, function, *args):
        """The result of ``function(*args)``, both picklable, from one of the processes; may be called from threads."""
        try:
            return self.pool.submit(function, *args).result()
        except BrokenProcessPool as error:
            raise InputError('A worker process of the refinement died, as the system lets one when memory runs out. '
                             'Run the same command again with fewer --workers: files that are finished are kept.'
                             ) from error


def _end_with_parent():
    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()
