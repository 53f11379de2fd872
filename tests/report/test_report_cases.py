import numpy as np
import pytest

from mmfbr.image_files import write_cam
from mmfbr.report.cases import choose_images, sight
from mmfbr.report.comparison import Truth

LABELS = {'a': {1}, 'b': {1}, 'c': {1, 2}, 'd': {2}, 'e': {3}, 'f': {3}}


@pytest.mark.parametrize('count, expected', [(0, []), (1, 'a'), (3, 'ade'), (4, 'adeb'), (6, 'adebcf'), (9, 'adebcf')])
def test_classes_take_turns(count, expected):
    assert choose_images(LABELS, count) == list(expected)


def test_fewer_images_than_classes_spread_over_the_classes():
    assert choose_images({str(c): {c} for c in range(1, 11)}, 3) == ['1', '4', '7']


def test_kinds_of_background_take_turns_within_a_class_and_between_classes():
    labels = {f'{c}{kind}{n}': {c} for c in (1, 2) for kind in 'uo' for n in range(3)}
    chosen = choose_images(labels, 4, {image: 'u' in image for image in labels})
    assert chosen == ['1u0', '2o0', '1o0', '2u0']


def test_image_without_a_known_background_or_class():
    assert choose_images({'a': set(), 'b': {1}}, 2, {'a': True}) == ['b']
    assert choose_images({}, 2) == []


def test_sight(tmp_path):
    truth = Truth(tmp_path, ['background', 'cow', 'boat', 'train'])
    write_cam(tmp_path / 'x.npz', [[[1, 0.5, 0, 0]], [[0, 0, 0.75, 0.25]]], [1, 2])
    actual = np.array([[1, 0, 2, 2]])
    seen = sight(tmp_path, 'x', 0.25, actual, truth)
    np.testing.assert_array_equal(seen.cam, [[1, 0.5, 0.75, 0.25]])
    np.testing.assert_array_equal(seen.mask, [[1, 1, 2, 0]])
    assert seen.iou == {1: 0.5, 2: 0.5}


def test_sight_of_an_image_without_maps(tmp_path):
    write_cam(tmp_path / 'x.npz', np.zeros((0, 1, 2)), [])
    seen = sight(tmp_path, 'x', 0.25, np.array([[0, 1]]), Truth(tmp_path, ['background', 'cow']))
    assert seen.cam.tolist() == [[0, 0]] and seen.mask.tolist() == [[0, 0]] and seen.iou == {1: 0}
