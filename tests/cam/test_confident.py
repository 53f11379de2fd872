"""Confident labels: the class of the high threshold, the background of the low one, 255 between."""
import numpy as np
import pytest

from mmfbr.cam.confident import confident_labels, make_confident_labels
from mmfbr.evaluation import mask_from_cam
from mmfbr.files import InputError, read_mask, voc_palette, write_mask


@pytest.mark.parametrize('bg_index', [0, 3])
def test_labels_of_a_cam_cut_twice(bg_index):
    cam = np.random.default_rng(0).random((2, 6, 7)).astype(np.float32) ** 3
    classes = np.array([1, 4])
    high, low = (mask_from_cam(cam, classes, threshold, bg_index) for threshold in (0.45, 0.15))
    labels = confident_labels(high, low, bg_index)
    expected = [[classes[cam[:, i, j].argmax()] if cam[:, i, j].max() > 0.45
                 else bg_index if cam[:, i, j].max() <= 0.15 else 255 for j in range(7)] for i in range(6)]
    assert labels.dtype == np.uint8 and labels.tolist() == expected
    assert {bg_index, 1, 4, 255} <= {*labels.ravel().tolist()}


def test_folders_of_masks_and_what_does_not_fit(tmp_path):
    for name, high, low in (('a', [[1, 0, 0]], [[1, 2, 0]]), ('b', [[0, 0]], [[0]])):
        for folder, mask in (('high', high), ('low', low)):
            write_mask(tmp_path / folder / f'{name}.png', np.array(mask, np.uint8), voc_palette())
    folders = tmp_path / 'high', tmp_path / 'low', tmp_path / 'out'
    with pytest.raises(InputError, match='1 of 2 images cannot be given labels.\nb: its masks .* differ in size'):
        make_confident_labels(*folders)
    assert read_mask(tmp_path / 'out' / 'a.png').tolist() == [[1, 255, 0]]
    (tmp_path / 'list.txt').write_text('a\n')
    assert make_confident_labels(*folders, tmp_path / 'list.txt') == (0, 1)
    (tmp_path / 'low' / 'a.png').unlink()
    with pytest.raises(InputError, match=r'1 of 1 images have no mask \(.png\) in .*low'):
        make_confident_labels(*folders, tmp_path / 'list.txt')
