"""Shares of pixels between prototypes and NROIs, and the loss on class maps, against one pixel at a time."""
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmfbr.core.gallery import NROIGallery, of_the_object
from mmfbr.core.nroi_maps import map_cross_entropy, nroi_shares

SURE, UNLIKE, TAU, PRIOR = 0.6, 0.3, 0.2, 0.3


def scene(seed=0, n=4, classes=3, size=(5, 6), channels=7, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    feature = torch.randn(n, channels, *size, generator=g, dtype=dtype)
    seeds = torch.rand(n, classes, *size, generator=g, dtype=dtype)
    present = torch.rand(n, classes, generator=g) < 0.7
    valid = torch.rand(n, *size, generator=g) < 0.8
    valid[-1] = False  # an image of padding
    return feature, seeds, present, valid


def unit(x):
    return x / np.linalg.norm(x)


def slow_shares(feature, seeds, present, valid, clusters, gallery=None, margin=0.1):
    """With as many NROIs as background pixels, so that k-means has nothing to choose."""
    n, c, h, w = seeds.shape
    pixels = [(i, y, x) for i in range(n) for y in range(h) for x in range(w) if valid[i, y, x]]
    z = {(i, y, x): unit(feature[i, :, y, x]) for i in range(n) for y in range(h) for x in range(w)}
    shares, known = np.zeros(seeds.shape), np.zeros((n, c), bool)
    for i in range(n):
        own = [at for at in pixels if at[0] == i]
        score = {at: [seeds[i, k, at[1], at[2]] * present[i, k] for k in range(c)] for at in own}
        background = [z[at] for at in own if max(score[at]) < UNLIKE]
        assert len(background) <= clusters
        labels, prototypes, sure = [k for k in range(c) if present[i, k]], {}, set()
        for k in labels:
            best = [at for at in own if score[at][k] > SURE and score[at][k] == max(score[at])]
            prototypes[k] = unit(sum(score[at][k] * z[at] for at in best)) if best else np.zeros(feature.shape[1])
            sure |= {k} if best else set()
            if gallery is not None and gallery[0][k].any():
                prototypes[k] = gallery[0][k]
        beyond = {k: [] for k in labels}  # NROIs of images without the class
        if gallery is not None:
            nroi = list(zip(*gallery[1:], strict=True))
            beyond = {k: [b for b, absent in nroi if absent[k]] for k in labels}
            others = [b for b, absent in nroi if all(absent[k] for k in labels)]
            background = [b for b in background if not others or not labels or max(
                b @ prototypes[k] for k in labels) <= max(b @ other for other in others)]
        prototypes = {k: prototypes[k] for k in sure if background or beyond[k]}
        known[i, list(prototypes)] = True
        for y in range(h):
            for x in range(w):
                at = (i, y, x)
                terms = {k: np.exp(z[at] @ p / TAU) for k, p in prototypes.items()}
                for k, term in terms.items():
                    near = [z[at] @ b for b in background] + [z[at] @ b - margin for b in beyond[k]]
                    total = sum(terms.values()) + np.exp(max(near) / TAU)
                    odds = term / total / (1 - term / total) * (1 - PRIOR) / PRIOR
                    shares[i, k, y, x] = odds / (1 + odds)
    return shares, known


@pytest.mark.parametrize('seed', range(4))
def test_shares_are_the_reference(seed):
    feature, seeds, present, valid = scene(seed)
    shares, known = nroi_shares(feature, seeds, present, valid, torch.Generator().manual_seed(0), 30, SURE, UNLIKE, TAU,
                                PRIOR)
    expected, expected_known = slow_shares(*(x.double().numpy() for x in (feature, seeds)), present.numpy(),
                                           valid.numpy(), 30)
    assert known.tolist() == expected_known.tolist() and known.any() and not known.all()
    np.testing.assert_allclose(shares.numpy(), expected, atol=2e-5)


@pytest.mark.parametrize('seed', range(3))
def test_shares_with_a_gallery_are_the_reference(seed):
    feature, seeds, present, valid = scene(seed)
    g = torch.Generator().manual_seed(9 + seed)
    prototypes, nroi = (F.normalize(torch.randn(rows, 7, generator=g), dim=1) for rows in (3, 20))
    prototypes[1] = 0  # a class that was nowhere sure
    absent = torch.rand(20, 3, generator=g) < 0.5
    absent[:, 2] &= seed > 0  # a class that every image of the gallery shows
    shares, known = nroi_shares(feature, seeds, present, valid, torch.Generator().manual_seed(0), 30, SURE, UNLIKE, TAU,
                                PRIOR, NROIGallery(prototypes, nroi, absent), 0.2)
    gallery = prototypes.double().numpy(), nroi.double().numpy(), absent.numpy()
    expected, expected_known = slow_shares(*(x.double().numpy() for x in (feature, seeds)), present.numpy(),
                                           valid.numpy(), 30, gallery, 0.2)
    assert known.tolist() == expected_known.tolist()
    np.testing.assert_allclose(shares.numpy(), expected, atol=2e-5)


@pytest.mark.parametrize('num_clusters', [1, 8])
def test_an_object_is_told_from_two_backgrounds(num_clusters):
    """One NROI is the mean of two opposite backgrounds and looks like neither; several are the backgrounds."""
    directions = torch.eye(3)
    kind = torch.tensor([[0] * 4 + [1] * 8 + [2] * 8]).view(1, 4, 5)  # an object, two backgrounds
    feature = directions[kind].permute(0, 3, 1, 2) + 0.01
    seeds = 0.5 * (kind[:, None] == 0)
    seeds[0, 0, 0, 0], seeds[0, 0, 3, 4] = 1, 0.5  # one sure pixel; one of the second background is as unsure as others
    shares, _ = nroi_shares(feature, seeds, torch.ones(1, 1).bool(), torch.ones(1, 4, 5).bool(),
                            torch.Generator().manual_seed(0), num_clusters)
    assert shares[0, 0][kind[0] == 0].min() > 0.9
    assert shares[0, 0, 3, 4] < 0.1 or num_clusters == 1


def slow_loss(maps, shares, known, valid, level, width):
    losses = []
    for i, k in np.ndindex(known.shape):
        own = [(y, x) for y, x in np.ndindex(valid.shape[1:]) if valid[i, y, x]]
        top = max((maps[i, k, y, x] for y, x in own), default=0)
        if not known[i, k] or top <= 0:
            continue
        scale = max(top, np.sqrt(np.mean([maps[i, k][at] ** 2 for at in own])))
        p = {at: 1 / (1 + np.exp(-(maps[i, k][at] / scale - level) / width)) for at in own}
        inside = sum(-shares[i, k][at] * np.log(p[at]) for at in own) / sum(shares[i, k][at] for at in own)
        outside = sum(-(1 - shares[i, k][at]) * np.log(1 - p[at]) for at in own) / sum(
            1 - shares[i, k][at] for at in own)
        losses.append((inside + outside) / 2)
    return np.mean(losses) if losses else 0.0


def test_loss_is_the_reference_and_its_gradient_raises_objects():
    g = torch.Generator().manual_seed(1)
    maps = torch.randn(4, 3, 5, 6, generator=g, dtype=torch.float64)
    maps[0, 1] = -1 - maps[0, 1].abs()  # nowhere positive: it has no height to compare with
    maps[1, 1] = -1 - maps[1, 1].abs()
    maps[1, 1, 2, 2] = 0.1  # less than its root mean square
    shares = torch.rand(4, 3, 5, 6, generator=g, dtype=torch.float64)
    known = torch.rand(4, 3, generator=g) < 0.7
    known[:2, 1] = True
    valid = torch.rand(4, 5, 6, generator=g) < 0.8
    valid[1, 2, 2] = True
    valid[-1] = False
    maps.requires_grad_()
    loss = map_cross_entropy(maps, shares, known, valid, 0.4, 0.15)
    assert loss.item() == pytest.approx(slow_loss(*(x.detach().numpy() for x in (maps, shares, known, valid)), 0.4,
                                                  0.15), rel=1e-9)
    loss.backward()
    assert maps.grad.isfinite().all() and not maps.grad[0, 1].any() and not maps.grad[-1].any()
    assert torch.autograd.gradcheck(lambda m: map_cross_entropy(m, shares, known, valid), maps)


def test_a_map_with_a_low_peak_does_not_drown_the_others():
    maps, shares = -torch.ones(1, 2, 6, 6), torch.zeros(1, 2, 6, 6)
    maps[0, :, 0, 0], shares[0, :, 0] = torch.tensor([1e-6, 1.0]), 1.0
    maps.requires_grad_()
    map_cross_entropy(maps, shares, torch.ones(1, 2).bool(), torch.ones(1, 6, 6).bool()).backward()
    low, high = maps.grad[0].abs().sum((1, 2))
    assert 0 < low < 2 * high


def test_nothing_known_is_a_connected_zero():
    feature, seeds, present, valid = scene()
    maps = seeds.clone().requires_grad_()
    for labels, counted in ((present & False, valid), (present, valid & False)):
        shares, known = nroi_shares(feature, seeds, labels, counted, torch.Generator().manual_seed(0))
        loss = map_cross_entropy(maps, shares, known, counted)
        loss.backward()
        assert loss == 0 and not known.any() and maps.grad.isfinite().all()


def test_the_rest_of_an_object_is_no_background():
    """Of a picture that an object fills, what does not look like its surest part counts as object when nothing like it
    is in images without the class; what such images show does not."""
    directions = torch.eye(4)
    gallery = NROIGallery(directions[:1], directions[2:3], torch.tensor([[True]]))
    rest = torch.nn.functional.normalize(directions[0] + 2 * directions[1], dim=0)
    nroi = torch.stack([rest, directions[2], directions[1]])[None]
    one = torch.ones(1, 1).bool()
    assert of_the_object(nroi, directions[None, :1], one, gallery).tolist() == [[True, False, False]]
    assert not of_the_object(nroi, directions[None, :1], one, NROIGallery(directions[:1], directions[2:3], ~one)).any()
