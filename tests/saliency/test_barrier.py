"""Minimum barrier distance against a search that misses no path, and the folder of maps that is made with it."""
import numpy as np
import pytest
from PIL import Image

from mmfbr.files import InputError
from mmfbr.image_files import read_saliency, voc_palette, write_mask
from mmfbr.saliency import barrier_saliency, make_saliency
from mmfbr.saliency.barrier import barrier_distance


def exact_distance(values):
    """(H, W): for each lowest value, flood the border within ever wider ranges until the pixel is reached."""
    h, w = values.shape
    best = np.full((h, w), np.inf)
    for low in np.unique(values):
        for high in np.unique(values[values >= low]):
            open_ = (values >= low) & (values <= high)
            reached = open_ & (np.pad(np.zeros((h - 2, w - 2), bool), 1, constant_values=True))
            while True:
                wider = reached.copy()
                wider[1:] |= reached[:-1]
                wider[:-1] |= reached[1:]
                wider[:, 1:] |= reached[:, :-1]
                wider[:, :-1] |= reached[:, 1:]
                wider &= open_
                if (wider == reached).all():
                    break
                reached = wider
            best[reached] = np.minimum(best[reached], high - low)
    best[[0, -1]] = 0
    best[:, [0, -1]] = 0
    return best


@pytest.mark.parametrize('seed', range(4))
def test_sweeps_come_close_to_the_exact_distance_and_never_below_it(seed):
    values = np.random.default_rng(seed).integers(0, 9, (7, 9, 1)).astype(np.float32)
    found, exact = barrier_distance(values)[..., 0], exact_distance(values[..., 0])
    assert (found >= exact).all()
    assert (found == exact).mean() > 0.9


def test_a_disc_on_plain_ground_is_salient_and_a_plain_image_is_not():
    rows, columns = np.mgrid[:60, :80]
    disc = (rows - 30) ** 2 + (columns - 40) ** 2 < 15 ** 2
    image = np.where(disc[..., None], [200, 60, 30], [40, 120, 40]).astype(np.uint8)
    saliency = barrier_saliency(image)
    assert saliency.dtype == np.float32 and saliency.shape == (60, 80)
    assert ((saliency > 0.5) == disc).mean() > 0.98
    assert barrier_saliency(np.full((20, 30, 3), 90, np.uint8)).max() == 0


@pytest.fixture
def data(tmp_path):
    for folder in ('JPEGImages', 'SegmentationObject'):
        (tmp_path / folder).mkdir()
    for name in 'ab':
        image = np.full((24, 32, 3), 30, np.uint8)
        image[8:16, 8:24] = 220
        Image.fromarray(image).save(tmp_path / 'JPEGImages' / f'{name}.jpg')
        objects = np.zeros((24, 32), np.uint8)
        objects[8:16, 8:16], objects[8:16, 16:24], objects[16] = 1, 2, 255
        write_mask(tmp_path / 'SegmentationObject' / f'{name}.png', objects, voc_palette())
    return tmp_path


def test_maps_of_objects_are_true_and_those_there_are_kept(data):
    assert make_saliency(data, 'objects') == (2, 0)
    saliency = read_saliency(data / 'Saliency' / 'a.png', (24, 32))
    assert (saliency[8:16, 8:24] == 255).all() and saliency.sum() == 255 * 8 * 16  # not the border
    (data / 'Saliency' / 'b.png').unlink()
    assert make_saliency(data, 'objects') == (1, 1)


def test_maps_from_the_image_alone(data):
    (data / 'list.txt').write_text('b\n')
    assert make_saliency(data, image_list='list.txt') == (1, 0)
    saliency = read_saliency(data / 'Saliency' / 'b.png', (24, 32))
    assert saliency[10:14, 10:22].min() > 200 and saliency[:6].max() < 50


def test_what_cannot_be_made_is_named(data):
    with pytest.raises(InputError, match="method 'pfan' is unknown; use one of barrier, objects"):
        make_saliency(data, 'pfan')
    (data / 'SegmentationObject' / 'b.png').unlink()
    with pytest.raises(InputError, match=r'1 of 2 images have no object mask \(.png\)'):
        make_saliency(data, 'objects')
    (data / 'JPEGImages' / 'a.jpg').write_bytes(b'none')
    with pytest.raises(InputError, match=r'1 of 2 images cannot be given a saliency map.\na: .*cannot be decoded'):
        make_saliency(data)
    assert (data / 'Saliency' / 'b.png').exists()
