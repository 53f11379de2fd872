"""Refinements by IRN, AffinityNet and NROIs against the same with every step written out, and what they refuse."""
import numpy as np
import pytest
import torch
from relation_models import PREPROCESSOR, write_network
from slow_affinity import dense, slow_pairs, slow_path
from torch.nn import functional as F

from mmfbr.cam import IRN, NROI, PSA, refinement
from mmfbr.files import InputError

SIZE, CELLS = (37, 50), (10, 13)


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


@pytest.fixture(scope='module')
def irn(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp('irn'), 'irn')


@pytest.fixture(scope='module')
def psa(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp('psa'), 'psa')


def example(count=2, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 5, 3), np.uint8)
    return np.kron(coarse, np.ones((10, 10, 1), np.uint8))[:SIZE[0], :SIZE[1]], rng.random((count, *SIZE), np.float32)


def coarse(seed):
    return np.kron(np.random.default_rng(seed).random((2, 5, 7), np.float32), np.ones((8, 8), np.float32))[:, :37, :50]


def said(model, image):
    """What the head says of an image, preprocessed by hand."""
    mean, std = (torch.tensor(PREPROCESSOR[key]).view(3, 1, 1) for key in ('mean', 'std'))
    with torch.no_grad():
        return model.decode_head(model.extract_feat(((torch.tensor(image).movedim(2, 0) - mean) / std)[None]))


def propagated(maps, affinity, beta, steps):
    power = np.linalg.matrix_power(dense(torch.tensor(affinity), *maps.shape[1:], 5, beta), steps)
    walked = (maps.reshape(len(maps), -1) @ power.T).reshape(maps.shape)
    return torch.from_numpy(walked)[None]


def block_means(cam, cells):
    """Means of ``cam`` over cells that begin and end at pixels, as large as it takes."""
    out = np.zeros((len(cam), *cells))
    for y, x in np.ndindex(*cells):
        rows = slice(y * SIZE[0] // cells[0], -(-(y + 1) * SIZE[0] // cells[0]))
        columns = slice(x * SIZE[1] // cells[1], -(-(x + 1) * SIZE[1] // cells[1]))
        out[:, y, x] = cam[:, rows, columns].mean((1, 2))
    return out


def test_irn_written_out(irn):
    config, checkpoint, model = irn
    image, cam = example()
    straight, mirrored = said(model, image)[0][0, 0], said(model, image[:, ::-1].copy())[0][0, 0]
    boundary = ((straight + mirrored.flip(1)) / 2).sigmoid()
    assert boundary.shape == CELLS and boundary.max() - boundary.min() > 0.5
    affinity = [1 - max(float(boundary[place]) for place in slow_path(*pair)) for pair in slow_pairs(*CELLS, 5)]
    start = block_means(cam, CELLS) * (1 - boundary.numpy())
    walked = F.interpolate(propagated(start, affinity, 4, 16), scale_factor=4, mode='bilinear')[0, :, :37, :50]
    result = IRN(str(config), str(checkpoint), beta=4, steps=16).refine(image, cam)
    assert result.dtype == np.float32 and result.max() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(result, walked / walked.max(), atol=1e-4)
    again = IRN(str(config), str(checkpoint), beta=4, steps=16)
    np.testing.assert_array_equal(again.refine(image, cam, relations=again.relations(image)), result)


def test_displacements_are_those_of_the_image_as_it_is(irn):
    config, checkpoint, model = irn
    image, _ = example()
    boundary, field = IRN(str(config), str(checkpoint)).relations(image)
    assert boundary.shape == (1, *CELLS)
    np.testing.assert_allclose(field, said(model, image)[1][0], atol=1e-5)


@pytest.mark.parametrize('alpha', [16, 2, None])
def test_psa_written_out(psa, alpha):
    config, checkpoint, model = psa
    image, cam = example()
    features = said(model, image)[0]
    cells = features.shape[1:]
    affinity = [float(torch.exp(-(features[(slice(None), *a)] - features[(slice(None), *b)]).abs().mean()))
                for a, b in slow_pairs(*cells, 5)]
    scores = cam if alpha is None else np.concatenate([(1 - cam.max(0, keepdims=True))**alpha, cam])
    walked = propagated(block_means(scores, cells), affinity, 8, 256)
    walked = F.interpolate(walked, scale_factor=8, mode='bilinear')[0, :, :37, :50].numpy()
    result = PSA(str(config), str(checkpoint), alpha=alpha).refine(image, cam)
    if alpha is None:
        np.testing.assert_allclose(result, walked, atol=1e-4)
        return
    np.testing.assert_allclose(result, walked[1:] / (walked[1:] + walked[:1]), atol=1e-4)
    sure = np.abs(np.diff(np.sort(walked, 0)[-2:], axis=0))[0] > 1e-4
    label = np.where(result.max(0) > 0.5, 1 + result.argmax(0), 0)
    np.testing.assert_array_equal(label[sure], walked.argmax(0)[sure])


@pytest.mark.parametrize('kind', ['irn', 'psa'])
def test_images_without_classes_and_tiny_images(kind, request):
    config, checkpoint, _ = request.getfixturevalue(kind)
    refine = refinement(kind, config=str(config), checkpoint=str(checkpoint))
    image, cam = example()
    assert refine.refine(image, cam[:0]).shape == (0, *SIZE)
    assert not refine.refine(image, np.zeros_like(cam)).any()
    assert refine.refine(image[:3, :5].copy(), cam[:, :3, :5]).shape == (2, 3, 5)


def test_settings_name_the_files_and_their_state(irn, monkeypatch):
    config, checkpoint, _ = irn
    monkeypatch.chdir(config.parent)
    refine = refinement('irn', config='irn.py', checkpoint='irn.pth', beta=5)
    assert (refine.config, refine.checkpoint, refine.beta) == (str(config), str(checkpoint), 5)
    assert refine.version == checkpoint.stat().st_mtime_ns


@pytest.mark.parametrize(('settings', 'named'), [
    (dict(radius=1), 'radius from 2'), (dict(steps=-1), 'steps from 0'), (dict(beta=0), 'beta above 0'),
    (dict(steps=2.5), 'whole numbers'), (dict(alpha=0), 'alpha'), (dict(version=3), 'no setting version')])
def test_numbers_out_of_range_are_refused(psa, settings, named):
    config, checkpoint, _ = psa
    with pytest.raises(InputError, match=named):
        refinement('psa', config=str(config), checkpoint=str(checkpoint), **settings)


def test_networks_that_cannot_serve_are_refused(irn, psa, tmp_path):
    with pytest.raises(InputError, match='--refine-config and --refine-checkpoint'):
        IRN(beta=3)
    with pytest.raises(InputError, match='none.pth does not exist'):
        IRN(str(irn[0]), str(tmp_path / 'none.pth'))
    with pytest.raises(InputError, match='none.py does not exist'):
        PSA(str(tmp_path / 'none.py'), str(psa[1]))
    with pytest.raises(InputError, match="'irn' needs a config with the decode_head IRNHead; .*psa.py has Aff"):
        IRN(*map(str, psa[:2])).check()
    with pytest.raises(InputError, match='lacks .* tensors of the model, first .decode_head'):
        IRN(str(irn[0]), str(psa[1])).check()
    (tmp_path / 'no.pth').write_bytes(b'no')
    with pytest.raises(InputError, match='no.pth'):
        IRN(str(irn[0]), str(tmp_path / 'no.pth')).check()


@pytest.fixture(scope='module')
def nroi(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp('nroi'), 'nroi')


def test_nroi_written_out(nroi):
    config, checkpoint, model = nroi
    image = example()[0]
    cam = coarse(3)
    # More NROIs than pixels: all background pixels stand for themselves.
    chosen = NROI(config, checkpoint, num_clusters=500, sure=0.7, unlike=0.45)
    refined = chosen.refine(image, cam)
    mean, std = (torch.tensor(PREPROCESSOR[key]).view(3, 1, 1) for key in ('mean', 'std'))
    pixels = (torch.tensor(image).movedim(2, 0) - mean) / std
    with torch.no_grad():
        plain, mirrored = (model.extract_feat(x[None])[0][0] for x in (pixels, pixels.flip(2)))
    feature = ((plain + mirrored.flip(2)) / 2).double().numpy()
    seeds = block_means(cam, feature.shape[1:])
    seeds /= seeds.max((1, 2), keepdims=True)
    unit = feature / np.linalg.norm(feature, axis=0)
    best = seeds.max(0)
    background = unit[:, best < 0.45]
    assert background.shape[1] > 0
    terms = [np.exp(np.einsum('lhw,lm->mhw', unit, background).max(0) / 0.1)]
    for score in seeds:
        prototype = (unit * (score * ((score > 0.7) & (score == best)))).sum((1, 2))
        terms.append(np.exp(np.einsum('lhw,l->hw', unit, prototype / np.linalg.norm(prototype)) / 0.1))
    share = np.stack(terms[1:]) / np.sum(terms, 0)
    share = share * 0.7 / (share * 0.7 + (1 - share) * 0.3)
    expected = F.interpolate(torch.from_numpy(share)[None], SIZE, mode='bilinear', align_corners=False)[0]
    np.testing.assert_allclose(refined, expected, atol=1e-4)
    assert np.array_equal(refined, chosen.refine(image, cam))  # k-means starts from the same points


def test_nroi_keeps_maps_it_knows_nothing_of(nroi):
    image, cam = example()
    kept = NROI(*nroi[:2], unlike=0.01).refine(image, cam + 0.1)  # no background
    assert np.array_equal(kept, cam + 0.1)
    assert NROI(*nroi[:2]).refine(image, cam[:0]).shape == (0, *SIZE)


def test_nroi_remembers_what_classes_and_images_without_them_look_like(nroi):
    image, cam, other, maps = example()[0], coarse(3), example(seed=1)[0], coarse(4)
    own = np.array([1, 3])
    refine = NROI(*nroi[:2], nroi_from='a list', sure=0.6, unlike=0.55, margin=0.05)
    assert refine.prior == 0.1 and NROI(*nroi[:2]).prior == 0.3
    looks = [refine.look(image, cam, own), refine.look(other, maps[:1], own[1:]),
             refine.look(other, maps[:0], np.array([], int))]
    refine.remember(looks, 5)
    gallery = refine.gallery
    assert len(gallery.nroi) == sum(len(look[3]) for look in looks) and len(looks[2][3]) == refine.num_clusters
    assert gallery.nroi.shape[1] == looks[0][2].shape[1]
    assert looks[0][1].all() and looks[1][1].all()
    both = looks[0][2][1] + looks[1][2][0]
    np.testing.assert_allclose(gallery.prototypes[3], both / np.linalg.norm(both), atol=1e-6)
    np.testing.assert_allclose(gallery.prototypes[1], looks[0][2][0], atol=1e-6)
    assert not gallery.prototypes[[0, 2, 4]].any()
    assert gallery.absent[0].tolist() == [True, False, True, False, True]
    assert gallery.absent[-9].tolist() == [True, True, True, False, True] and gallery.absent[-8:].all()
    alone, known = NROI(*nroi[:2], sure=0.6, unlike=0.55, prior=0.1), refine.refine(image, cam, classes=own)
    assert known.shape == cam.shape and not np.allclose(known, alone.refine(image, cam), atol=0.05)
    assert np.array_equal(known, refine.refine(image, cam, classes=own))
    few = NROI(*nroi[:2], nroi_from='a list', sure=0.6, unlike=0.55, max_nroi=3)
    few.remember(looks, 5)
    assert len(few.gallery.nroi) == len(few.gallery.absent) == 3
    with pytest.raises(InputError, match='found no background in the images of a list.*Leave nroi_from out'):
        few.remember([refine.look(other, np.ones_like(maps[:1]), own[1:])], 5)


def test_nroi_refuses_the_map_of_the_classifier_and_settings_out_of_range(nroi):
    for index in (1, -1, 2):
        with pytest.raises(InputError, match=f'in_index={index} is none in .*returns 2: let it return one more'):
            NROI(*nroi[:2], in_index=index).check()
    NROI(*nroi[:2], in_index=-2).check()
    for name, value in dict(num_clusters=0, sure=1, unlike=0, tau=0, prior=1, margin=2, max_nroi=0).items():
        with pytest.raises(InputError, match=f'{name} of .* it is {value}'):
            NROI(*nroi[:2], **{name: value})
