"""Connected parts of a region, numbered as one reads, and the removal of small ones."""
import cv2
import numpy as np


def parts(region, connectivity=8):
    """The connected parts of ``region`` (H, W) bool: (H, W) int32, 0 outside, 1 to N by each part's first pixel, row
    by row. ``connectivity``: 8 joins pixels that touch at a corner, 4 does not."""
    count, labels = cv2.connectedComponents(np.ascontiguousarray(region, np.uint8), connectivity=connectivity,
                                            ltype=cv2.CV_32S)
    # OpenCV's numbers depend on the blocks and threads in which it scans.
    first = np.zeros(count, np.int64)
    first[labels.ravel()[::-1]] = np.arange(labels.size)[::-1]
    number = np.zeros(count, np.int32)
    number[1 + np.argsort(first[1:], kind='stable')] = np.arange(1, count)
    return number[labels]


def without_small(labels, min_pixels):
    """``labels`` (H, W) int32 with the labels of fewer than ``min_pixels`` pixels set to 0 and no gap in the others."""
    sizes = np.bincount(labels.ravel())
    large = sizes >= min_pixels
    large[0] = False
    return np.where(large, np.cumsum(large), 0).astype(np.int32)[labels]


def pixels(amount, whole):
    """``amount`` of 1 or more as it is; below 1 it is a share of ``whole``, both in pixels."""
    return amount * whole if amount < 1 else amount
