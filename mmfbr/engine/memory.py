"""Keeps the blocks that a step on the CPU frees for the next step."""
import ctypes
import sys

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGEST = 2**31 - 1


def keep_memory():
    """Lets glibc keep large freed blocks, where training runs on the CPU; elsewhere does nothing.

    By default each block of some megabytes goes back to the system when it is freed, and the same one a step later
    comes as fresh pages, one fault each: up to half of a step's time.
    """
    if torch.cuda.is_available() or sys.platform != 'linux':
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)  # other C libraries have none
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, LARGEST)
        mallopt(M_MMAP_THRESHOLD, LARGEST)
