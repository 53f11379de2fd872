"""AffinityHead: its loss against the slow one, and affinities that it learns on a drawn scene."""
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from slow_affinity import slow_losses, slow_pairs

from mmfbr.core import feature_affinities
from mmfbr.files import InputError
from mmfbr.models import AffinityHead


def samples(labels):
    return [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]


def head(**settings):
    torch.manual_seed(0)
    return AffinityHead((6, 8), channels=(4, 8), **settings)


def test_loss_is_that_of_the_labels_at_the_cells():
    g = torch.Generator().manual_seed(0)
    model, maps = head(radius=3), [torch.randn(2, 6, 5, 7, generator=g), torch.randn(2, 8, 3, 4, generator=g)]
    labels = torch.tensor([0, 1, 2, 255])[torch.randint(4, (2, 40, 56), generator=g)]
    found = model.loss(maps, samples(labels))
    features = model(maps).detach()
    assert features.shape == (2, 12, 5, 7)
    values = {(a, b): [float(torch.exp(-(one[(slice(None), *a)] - one[(slice(None), *b)]).abs().mean()))
                       for one in features] for a, b in slow_pairs(5, 7, 3)}
    expected, _, _ = slow_losses(values, labels[:, ::8, ::8], {pair: [(0, 0)] * 2 for pair in values})
    assert float(found['loss_affinity']) == pytest.approx(expected, rel=1e-4)
    found['loss_affinity'].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_it_learns_which_pixels_belong_together():
    colour = torch.zeros(1, 6, 8, 12)
    colour[:, 0], colour[:, 1, :, 6:] = 1, 1
    noise = 0.1 * torch.randn(1, 6, 8, 12, generator=torch.Generator().manual_seed(0))
    maps, labels = [colour + noise, torch.cat([colour, colour[:, :2]], 1)], torch.full((1, 64, 96), 255)
    labels[0, :24, :40], labels[0, :24, 56:] = 0, 3  # the lower rows are unsure, and so is the border
    model = head()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(40):
        loss = model.loss(maps, samples(labels))['loss_affinity']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    affinity = feature_affinities(model(maps), 2)[0]
    across = torch.tensor([(a[1] < 6) != (b[1] < 6) for a, b in slow_pairs(8, 12, 2)])
    assert affinity[across].max() < 0.5 < affinity[~across].mean()


def test_it_is_no_segmentation():
    with pytest.raises(InputError, match='--refine psa'):
        head().predict([], [{}])
    with pytest.raises(ValueError, match='AffinityHead'):
        AffinityHead((6, 8, 9), channels=(4, 8))
