"""phi_seg's dropout: the probability asked for, from FBR's own stream."""
import pytest
import torch

from mmfbr.models.projections import dropout_mask


@pytest.mark.parametrize('dropout, kept', [(0.5, 0.5), (0.25, 0.75), (1 / 256, 255 / 256), (0.1, 230 / 256),
                                           (0.9999, 1 / 256)])
def test_mask_keeps_what_it_says(dropout, kept):
    x = torch.zeros(301, 77, dtype=torch.float64)
    mask, share = dropout_mask(x, dropout, torch.Generator().manual_seed(0))
    assert share == kept and mask.dtype == x.dtype and set(mask.unique().tolist()) <= {0.0, 1.0}
    error = 4 * (kept * (1 - kept) / mask.numel()) ** 0.5
    assert mask.mean().item() == pytest.approx(kept, abs=error)
    assert (mask[1:] * mask[:-1]).mean().item() == pytest.approx(kept**2, abs=3 * error)  # neighbours are independent
    assert (mask[:, 1:] * mask[:, :-1]).mean().item() == pytest.approx(kept**2, abs=3 * error)


def test_the_same_generator_drops_the_same_and_the_global_stream_stays():
    before, x = torch.get_rng_state(), torch.zeros(5, 6)
    one, same, other = (dropout_mask(x, 0.5, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other) and torch.equal(before, torch.get_rng_state())
