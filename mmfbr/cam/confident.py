"""Labels for the pixels that a CAM is sure of: its masks at a high and at a low threshold, in one."""
from pathlib import Path

import numpy as np

from mmfbr.files import (
    IGNORE,
    InputError,
    existing,
    for_each,
    read_lines,
    read_mask,
    require_files,
    voc_palette,
    write_mask,
)


def confident_labels(high, low, bg_index=0):
    """(H, W) uint8: the class where the mask ``high`` has one, the background where not even ``low`` has one, else 255.

    Args:
        high, low (ndarray): (H, W) masks of the same CAM, cut at a high and at a low threshold.
    """
    return np.where(high != bg_index, high, np.where(low == bg_index, bg_index, IGNORE)).astype(np.uint8)


def make_confident_labels(high, low, out, image_list=None, bg_index=0, progress=iter):
    """Writes ``out/ID.png`` for each image with a mask in the folders ``high`` and ``low``; what is there is kept.

    Args:
        image_list (str | Path | None): ids, one a line; None: all masks of ``high``.

    Returns:
        tuple[int, int]: files written, and files that were there.

    Raises:
        InputError: for missing or unreadable masks, and two of different sizes.
    """
    high, low, out = Path(high), Path(low), Path(out)
    ids = read_lines(image_list, 'The image list') if image_list else sorted(
        path.stem for path in existing(high, 'The folder').glob('*.png'))
    for folder in (high, low):
        require_files(folder, ids, '.png', 'mask')
    missing = [name for name in ids if not (out / f'{name}.png').exists()]

    def make(name):
        masks = [read_mask(folder / f'{name}.png') for folder in (high, low)]
        if masks[0].shape != masks[1].shape:
            raise InputError(f'its masks in {high} and {low} differ in size. Make both from the same CAM files.')
        write_mask(out / f'{name}.png', confident_labels(*masks, bg_index), voc_palette())

    for _ in for_each(missing, make, progress, 'given labels'):
        pass
    return len(missing), len(ids) - len(missing)
