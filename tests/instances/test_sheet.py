"""The sheet: which images it shows, and what is painted on them."""
import numpy as np
import pytest
from PIL import Image

from mmfbr.instances import Instance
from mmfbr.instances.sheet import GAP, LINE, TILE, Sheet, outline, tile
from mmfbr.report.pictures import DISTINCT


def half(side):
    mask = np.zeros((120, 120), bool)
    mask[:, :60] = side == 'left'
    mask[:, 60:] = side == 'right'
    return mask


def test_instances_of_a_class_differ_in_colour_and_are_outlined():
    image = np.zeros((120, 120, 3), np.uint8)
    found = [Instance(1, half('left'), 0.5), Instance(1, half('right'), 0.25)]
    picture = np.asarray(tile(image, found, ['background', 'cow'], 'x'))
    assert picture.shape == (TILE + LINE, TILE, 3)
    np.testing.assert_array_equal(picture[0, 0], DISTINCT[0])
    np.testing.assert_array_equal(picture[0, -1], DISTINCT[1])
    np.testing.assert_array_equal(picture[5, 5], np.rint(0.4 * np.array(DISTINCT[0])))
    assert (picture[TILE // 2 - 8:TILE // 2 + 8, 30:90].min(axis=-1) > 200).any()  # the name, in white


def test_an_image_without_instances_is_shown_as_it_is():
    image = np.full((60, 120, 3), 77, np.uint8)
    assert (np.asarray(tile(image, [], ['background'], ''))[:TILE // 2] == 77).all()


@pytest.mark.parametrize('size', [(1, 1), (1, 500), (500, 1)])
def test_slender_images_and_masks_that_vanish(size):
    mask = np.zeros(size, bool)
    mask[-1, -1] = True
    tile(np.zeros((*size, 3), np.uint8), [Instance(1, mask, 1.0)], ['background', 'aeroplane'], 'x')


def test_outline_of_a_part_at_the_border():
    np.testing.assert_array_equal(outline(np.ones((3, 4), bool)), [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]])


def test_shown_images_are_spread_over_the_list(tmp_path):
    ids = [str(number) for number in range(10)]
    assert sorted(Sheet(ids, [], 3).shown) == ['0', '3', '6'] and Sheet(ids, [], 99).shown == {*ids}
    sheet = Sheet(ids, ['background'], 3)
    for name, size in zip(ids, [(20, 10)] * 6 + [(10, 20)] * 4, strict=True):
        Image.new('RGB', size).save(tmp_path / f'{name}.png')
        sheet.add(name, tmp_path / f'{name}.png', [])
    sheet.write(tmp_path / 'sheet.png')
    with Image.open(tmp_path / 'sheet.png') as page:
        assert page.size == (2 * (TILE + GAP) + GAP, TILE // 2 + LINE + TILE + LINE + 3 * GAP)
