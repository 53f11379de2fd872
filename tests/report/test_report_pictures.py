import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmfbr.report import pictures

WHITE = np.full((4, 6, 3), 255, np.uint8)


def decode(uri):
    kind, data = uri.split(';base64,')
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == f'data:image/{picture.format.lower()}'
    return picture


def test_grey_keeps_lightness():
    image = np.array([[[0, 0, 0], [200, 200, 200], [0, 255, 0]]], np.uint8)
    np.testing.assert_allclose(pictures.grey(image)[0, :, 0], [0, 200, 0.587 * 255])


def test_heat_runs_from_dark_to_yellow():
    cam = np.zeros((4, 6))
    cam[0, 0] = 1
    drawn = pictures.heat(WHITE, cam)
    assert drawn.dtype == np.uint8 and drawn.shape == WHITE.shape
    np.testing.assert_array_equal(drawn[1, 1], np.rint(0.35 * 255 + 0.65 * pictures.HEAT[0]))
    np.testing.assert_array_equal(drawn[0, 0], np.rint(0.35 * 255 + 0.65 * pictures.HEAT[-1]))


def test_heat_gets_lighter_all_the_way():
    drawn = pictures.heat(np.zeros((1, 50, 3), np.uint8), np.linspace(0, 1, 50)[None])
    assert (np.diff(pictures.grey(drawn)[0, :, 0]) > 0).all()


@pytest.mark.parametrize('size', [(4, 6), (5, 7), (2, 3)])
def test_enlarged_cells_are_plain_blocks(size):
    large = pictures.enlarge(np.arange(6).reshape(2, 3), size)
    assert large.shape == size and set(large.ravel()) == set(range(6))
    assert (np.diff(large, axis=0) >= 0).all() and (np.diff(large, axis=1) >= 0).all()
    assert large[0, 0] == 0 and large[-1, -1] == 5


def test_nroi_map_colours_the_background_alone():
    drawn = pictures.nroi_map(WHITE, np.array([[-1, 0], [1, 0]]))
    np.testing.assert_array_equal(drawn[0, 0], [255] * 3)
    for (row, column), cluster in {(0, 5): 0, (3, 0): 1, (3, 5): 0}.items():
        expected = np.rint(0.3 * 255 + 0.7 * np.array(pictures.DISTINCT[cluster]))
        np.testing.assert_array_equal(drawn[row, column], expected)


def test_query_map_tells_queries_foreground_and_background_apart():
    drawn = pictures.query_map(WHITE, np.array([[True, False, False]]), np.array([[True, True, False]]))
    np.testing.assert_array_equal(drawn[0, 0], np.rint(0.4 * 255 + 0.6 * np.array(pictures.QUERY)))
    np.testing.assert_array_equal(drawn[0, 2], [255] * 3)
    np.testing.assert_array_equal(drawn[0, 4], [np.rint(0.35 * 255)] * 3)


def test_coloured_mask():
    drawn = pictures.coloured(np.zeros((1, 3, 3), np.uint8), np.array([[0, 2, 255]], np.uint8), {2: (100, 50, 0)})
    np.testing.assert_array_equal(drawn[0], [[0, 0, 0], [80, 40, 0], [204] * 3])


def test_class_colours_differ_and_go_round():
    colours = pictures.class_colours(range(1, 17))
    assert len(set(colours.values())) == 15 and colours[16] == colours[1]


@pytest.mark.parametrize('encode', [pictures.photo_uri, pictures.flat_uri])
def test_uris_decode_and_large_pictures_shrink(encode):
    assert decode(encode(WHITE)).size == (6, 4)
    assert decode(encode(np.zeros((100, 720, 3), np.uint8))).size == (360, 50)


def test_flat_pictures_keep_their_colours():
    image = np.repeat(np.array([[[10, 200, 30], [250, 0, 120]]], np.uint8), 3, axis=0)
    np.testing.assert_array_equal(np.asarray(decode(pictures.flat_uri(image)).convert('RGB')), image)
