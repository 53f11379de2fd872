"""IRNHead: its losses against the slow ones, what it learns on a drawn scene, and a backbone that stays."""
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from slow_affinity import slow_losses, slow_pairs, slow_path
from torch.nn import functional as F

from mmfbr.models import IRNHead


def samples(labels):
    return [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]


def levels(height, width, channels=(8, 8, 16, 16), strides=(4, 4, 8, 16), count=2, seed=0):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(count, own, -(-height // stride), -(-width // stride), generator=g)
            for own, stride in zip(channels, strides, strict=True)]


def head(**settings):
    torch.manual_seed(0)
    return IRNHead((8, 8, 16, 16), (4, 4, 8, 16), **{'radius': 4, **settings})


@pytest.mark.parametrize(('height', 'width'), [(64, 96), (75, 101), (4, 4), (33, 16)])
def test_outputs_have_the_finest_levels_size(height, width):
    maps = levels(height, width)
    logits, field = head()(maps)
    assert logits.shape == (2, 1, *maps[0].shape[2:]) and field.shape == (2, 2, *maps[0].shape[2:])


def test_coarse_levels_lie_over_the_fine_ones():
    """A level of stride 16 that is 1 in one cell speaks to the 4 x 4 cells of stride 4 there, and little around."""
    model = head(boundary_channels=4).eval()
    maps = [torch.zeros_like(x) for x in levels(128, 160, count=1)]
    with torch.no_grad():
        still = model(maps)[0]
        maps[3][0, :, 5, 7] = 5
        change = (model(maps)[0] - still).abs()[0, 0]
    # GroupNorm moves the whole level a little; what lies at the cell moves most.
    assert divmod(int(change.argmax()), change.shape[1])[0] in range(20, 24)
    assert divmod(int(change.argmax()), change.shape[1])[1] in range(28, 32)


def test_losses_are_those_of_the_labels_at_the_cells():
    model, maps = head().train(), levels(20, 28)
    labels = torch.tensor([0, 1, 2, 255])[torch.randint(4, (2, 20, 28), generator=torch.Generator().manual_seed(1))]
    found = model.loss(maps, samples(labels))
    logits, field = model(maps)
    boundary, cells = logits[:, 0].detach().sigmoid(), labels[:, ::4, ::4]
    values, distances = {}, {}
    for pair in slow_pairs(5, 7, 4):
        (y, x), (v, u) = pair
        values[pair] = [1 - max(float(one[place]) for place in slow_path(*pair)) for one in boundary]
        apart = [(one[:, y, x] - one[:, v, u]).detach() for one in field]
        distances[pair] = [(float((d - torch.tensor([v - y, u - x])).abs().mean()), float(d.abs().mean()))
                           for d in apart]
    affinity, foreground, background = slow_losses(values, cells, distances)
    assert float(found['loss_boundary']) == pytest.approx(affinity, rel=1e-4)
    assert float(found['loss_field']) == pytest.approx((foreground + background) / 2, rel=1e-4)
    sum(found.values()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_mean_of_the_field_is_taken_off_after_training():
    model, maps = head(), levels(32, 32)
    for _ in range(60):
        _, trained = model.train()(maps)
    _, field = model.eval()(maps)
    np.testing.assert_allclose(field.detach(), trained.detach() - trained.mean((0, 2, 3), keepdim=True).detach(),
                               atol=5e-3)
    assert trained.mean((0, 2, 3)).abs().max() > 0.05


def test_it_learns_boundaries_and_centres_of_a_drawn_scene():
    """Two things of one colour and a third of another on background; labels in their middle alone."""
    scene = torch.zeros(1, 96, 96, dtype=torch.long)
    scene[0, 16:48, 8:40], scene[0, 16:48, 56:88], scene[0, 60:88, 20:76] = 1, 1, 2
    labels = torch.full_like(scene, 255)
    labels[0, 20:44, 12:36], labels[0, 20:44, 60:84], labels[0, 64:84, 24:72] = 1, 1, 2
    labels[0, :10], labels[0, 92:], labels[0, 20:44, 44:52] = 0, 0, 0
    y, x = torch.meshgrid(torch.arange(96.), torch.arange(96.), indexing='ij')
    shown = torch.cat([F.one_hot(scene, 3).movedim(3, 1).float(), torch.stack([y, x])[None] / 48 - 1], 1)
    edges = torch.cat([shown[:, :3] - F.avg_pool2d(shown[:, :3], 9, 1, 4), shown[:, 3:]], 1)
    maps = [F.avg_pool2d(torch.cat([shown, edges], 1), stride) for stride in (4, 4, 8)]
    torch.manual_seed(0)
    model = IRNHead((10, 10, 10), (4, 4, 8), radius=6).train()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(80):
        loss = sum(model.loss(maps, samples(labels)).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        logits, field = model.eval()(maps)
    boundary = logits[0, 0].sigmoid()
    assert boundary[7:10, 4:7].max() < 0.2 and boundary[16:21, 6:18].max() < 0.2  # in things
    assert boundary[8, 8:13].max() > 0.5 and boundary[14, 6:18].min() > 0.8  # between them and the background
    # Over a thing displacements change by what lies between: they point to one place.
    ends = field[0] + torch.stack(torch.meshgrid(torch.arange(24.), torch.arange(24.), indexing='ij'))
    assert (ends[:, 5:11, 3:9].flatten(1).std(1) < 1).all() and ends[1, 5:11, 3:9].mean() < ends[1, 5:11, 15:21].mean()


def test_backbone_stays_what_it_was():
    init_default_scope('mmseg')
    model = MODELS.build(dict(
        type='FrozenEncoderDecoder', test_cfg=ConfigDict(mode='whole'),
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[0, 0, 0], std=[1, 1, 1]),
        backbone=dict(type='MobileNetV2', widen_factor=0.25, out_indices=(1, 2, 4, 6)),
        decode_head=dict(type='IRNHead', in_channels=(8, 8, 24, 80), strides=(4, 8, 16, 32), radius=3))).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1, weight_decay=0.1)
    losses = model.loss(torch.randn(2, 3, 64, 64), samples(torch.randint(0, 3, (2, 64, 64))))
    assert {*losses} == {'decode.loss_boundary', 'decode.loss_field'}
    sum(losses.values()).backward()
    optimizer.step()
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed and all(key.startswith('decode_head.') for key in changed)
    result = model.eval().predict(torch.randn(1, 3, 48, 64))[0]
    assert result.seg_logits.data.shape == (1, 48, 64) and {*result.pred_sem_seg.data.unique().tolist()} <= {0, 1}


@pytest.mark.parametrize('settings', [dict(strides=(4, 8)), dict(strides=(8, 4, 4, 4)), dict(strides=(4, 4, 4, 4)),
                                      dict(field_channels=(8, ))])
def test_levels_that_do_not_fit_are_refused(settings):
    with pytest.raises(ValueError, match='IRNHead'):
        IRNHead(**{'in_channels': (8, 8, 16, 16), 'strides': (4, 4, 8, 16), **settings})


def test_samples_without_label_maps_are_refused():
    with pytest.raises(ValueError, match='LoadCheckedAnnotations'):
        head().loss(levels(16, 16), [SegDataSample(), SegDataSample()])
