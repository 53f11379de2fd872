"""`CAMDataPreprocessor`: one random scale for a batch, none at test."""
import pytest
import torch
from mmseg.structures import SegDataSample

from mmfbr.models import CAMDataPreprocessor


def data(sizes):
    return dict(inputs=[torch.zeros(3, *size, dtype=torch.uint8) for size in sizes],
                data_samples=[SegDataSample() for _ in sizes])


def test_a_batch_is_scaled_as_one_in_training_only():
    preprocessor = CAMDataPreprocessor(size_divisor=16, batch_scale=(0.5, 1.5), multiple=16)
    torch.manual_seed(0)
    sizes = {tuple(preprocessor(data([(64, 48)] * 2), training=True)['inputs'].shape[2:]) for _ in range(30)}
    assert len(sizes) > 3 and all(h % 16 == w % 16 == 0 and 32 <= h <= 96 for h, w in sizes)
    assert preprocessor(data([(64, 48)] * 2))['inputs'].shape[2:] == (64, 48)


@pytest.mark.parametrize('scale', [(1.5, 0.5), (0, 1)])
def test_a_range_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match='batch_scale'):
        CAMDataPreprocessor(batch_scale=scale)
