"""Where displacements lead, against a loop over pixels, and on fields that are drawn."""
import numpy as np
import pytest
import torch

from mmfbr.core.centroids import centroids


def slow_centroid(field, y, x, iterations):
    """Follows ``field`` (2, H, W) from a pixel; between pixels it is bilinear."""
    height, width = field.shape[1:]
    for _ in range(iterations):
        top, left = int(y), int(x)
        down, right = min(top + 1, height - 1), min(left + 1, width - 1)
        v, u = y - top, x - left
        step = ((1 - v) * ((1 - u) * field[:, top, left] + u * field[:, top, right]) +
                v * ((1 - u) * field[:, down, left] + u * field[:, down, right]))
        y, x = min(max(y + step[0], 0), height - 1), min(max(x + step[1], 0), width - 1)
    return y, x


@pytest.mark.parametrize(('height', 'width', 'iterations'), [(6, 8, 1), (6, 8, 3), (1, 5, 2), (4, 1, 2), (1, 1, 3)])
def test_against_a_loop_over_pixels(height, width, iterations):
    field = torch.randn(2, height, width, generator=torch.Generator().manual_seed(0))
    found = centroids(field, iterations)
    for y, x in np.ndindex(height, width):
        end = slow_centroid(field.double().numpy(), y, x, iterations)
        assert np.abs(found[:, y, x].numpy() - end).max() <= 0.5 + 1e-4


def test_pixels_of_an_object_meet_at_its_centre():
    y, x = np.mgrid[:20, :30].astype(np.float32)
    owner = (x > 13).astype(int) + 2 * (y > 15)
    centres = np.array([[7, 6], [8, 22], [18, 6], [17, 24]])
    field = 0.7 * (centres[owner].transpose(2, 0, 1) - np.stack([y, x]))  # too short: several steps are needed
    found = centroids(torch.from_numpy(field.astype(np.float32)))
    np.testing.assert_array_equal(found.permute(1, 2, 0), centres[owner])
