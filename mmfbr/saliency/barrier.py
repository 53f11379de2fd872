"""Minimum barrier saliency: how much the colours must change on the way from a pixel to the image's border."""
import cv2
import numpy as np


def barrier_saliency(image, rounds=3, contrast=10.0):
    """Saliency (H, W) float32 in [0, 1] of an RGB ``image`` (H, W, 3) uint8; learns nothing and knows no labels.

    The distance of a pixel is the least barrier (highest minus lowest value on a path) to the border, summed over the
    channels of Lab (Zhang et al., "Minimum Barrier Salient Object Detection at 80 FPS", ICCV 2015), divided by its
    maximum and pushed apart by a sigmoid around 0.5. Without their colour prior of the borders. An object that touches
    the border counts as background there.

    Args:
        rounds (int): sweeps over the image, each in four directions.
        contrast (float): steepness of the sigmoid.
    """
    small = cv2.GaussianBlur(image, (0, 0), 1.0)  # grain is a barrier too
    distance = barrier_distance(cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32), rounds).sum(2)
    if distance.max() <= 0:
        return np.zeros(image.shape[:2], np.float32)
    return 1 / (1 + np.exp(-contrast * (distance / distance.max() - 0.5)))


def barrier_distance(values, rounds=3):
    """(H, W, K) float32: each channel's minimum barrier distance to the border, approximated by sweeps.

    A sweep goes row by row (or column by column) and extends the paths of the last row to the next one: whole rows at a
    time, where the paper's raster scan goes pixel by pixel.
    """
    distance = np.full_like(values, np.inf)
    for border in (np.s_[:1], np.s_[-1:], np.s_[:, :1], np.s_[:, -1:]):
        distance[border] = 0
    high, low = values.copy(), values.copy()  # on the path that the distance belongs to
    for _ in range(rounds):
        for flip in (np.s_[:], np.s_[::-1]):
            for axes in ((0, 1, 2), (1, 0, 2)):
                # Views: what a sweep writes is in the arrays.
                _sweep(*(x.transpose(axes)[flip] for x in (values, distance, high, low)))
    return distance


def _sweep(values, distance, high, low):
    for row in range(1, len(values)):
        top, bottom = np.maximum(high[row - 1], values[row]), np.minimum(low[row - 1], values[row])
        barrier = top - bottom
        better = barrier < distance[row]
        for array, new in ((distance, barrier), (high, top), (low, bottom)):
            array[row][better] = new[better]
