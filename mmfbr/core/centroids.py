"""Where a field of displacements leads: the centroids of IRN."""
import torch
from torch.nn import functional as F


@torch.no_grad()
def centroids(field, iterations=300):
    """The pixel (2, H, W) int64 at which the way from each pixel along ``field`` ends.

    IRN (Ahn et al., CVPR 2019): c <- c + D(c), from each pixel c, so often that the ways of an object's
    pixels have met; D between pixels is bilinear, and no way leaves the map.

    Args:
        field (Tensor): (2, H, W) displacements, y and x in pixels.
        iterations (int): how often; 100 or more.
    """
    last = torch.tensor(field.shape[1:], dtype=field.dtype, device=field.device)[:, None, None] - 1
    ends = torch.stack(torch.meshgrid(*(torch.arange(size, dtype=field.dtype, device=field.device)
                                        for size in field.shape[1:]), indexing='ij'))
    for _ in range(iterations):
        grid = (2 * ends / last.clamp(min=1) - 1).flip(0).movedim(0, 2)[None]
        ends = ends + F.grid_sample(field[None], grid, 'bilinear', 'border', align_corners=True)[0]
        ends = torch.minimum(ends.clamp_(min=0), last)
    return ends.round().long()
