"""tools/make_pseudo_masks.py with irn and psa, unsure pixels and relations: whole, stopped, shared, and refused."""
import json
from contextlib import nullcontext

import numpy as np
import pytest
from relation_models import write_network
from test_make_masks_tool import IDS, command, files, process, root, tool  # noqa: F401  (fixtures)

from mmfbr.cam import IRN, NROI, PAR, PSA, pseudo_masks
from mmfbr.evaluation import mask_from_cam
from mmfbr.image_files import read_cam, read_image, read_mask, read_relations, write_cam


@pytest.fixture(scope='module')
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('networks')
    return {kind: write_network(folder, kind)[:2] for kind in ('irn', 'psa', 'nroi')}


def refined_by(networks, kind, *settings):
    config, checkpoint = networks[kind]
    words = ['--refine', kind, '--refine-config', config, '--refine-checkpoint', checkpoint]
    return words + (['--refine-cfg', *settings] if settings else [])


def test_irn_stopped_and_shared_makes_the_files_of_its_parts(tool, root, networks, tmp_path, monkeypatch):  # noqa: F811
    words = [*refined_by(networks, 'irn', 'steps=8'), '--cam-dir', tmp_path / 'cams', '--relations',
             tmp_path / 'relations', '--threshold', 0.4]
    finish, done = pseudo_masks.MaskMaker._finish, []

    def failing(self, job, *args):
        if len(done) == 5:
            raise OSError('stopped')
        done.append(job)
        finish(self, job, *args)
    with monkeypatch.context() as patch:
        patch.setattr(pseudo_masks.MaskMaker, '_finish', failing)
        assert tool(*words)[0] == 2
    assert 0 < len([*(tmp_path / 'relations').glob('*.npz')]) < len(IDS)
    status, said = tool(*words)
    assert status == 0, said
    refine = IRN(*map(str, networks['irn']), steps=8)
    for name in IDS:
        image, (cam, classes) = read_image(root / 'images' / f'{name}.jpg'), read_cam(tmp_path / 'cams' / f'{name}.npz')
        boundary, field = refine.relations(image)
        stored = read_relations(tmp_path / 'relations' / f'{name}.npz')
        np.testing.assert_array_equal(stored[0], boundary.half().float())
        np.testing.assert_array_equal(stored[1], field.half().float())
        np.testing.assert_array_equal(read_mask(tmp_path / 'masks' / f'{name}.png'),
                                      mask_from_cam(refine.refine(image, cam), classes, 0.4))
    shared = tmp_path / 'shared'
    launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', 2]
    words[words.index(tmp_path / 'cams')], words[words.index(tmp_path / 'relations')] = shared / 'cams', shared / 'rel'
    run = process(command(root, shared / 'masks', *words), launcher)
    assert run.wait() == 0, run.stdout.read()
    assert files(shared / 'masks') == files(tmp_path / 'masks')
    assert files(shared / 'rel') == files(tmp_path / 'relations')


def test_another_checkpoint_is_not_mixed_in(tool, networks, tmp_path):  # noqa: F811
    words = refined_by(networks, 'psa')
    assert tool(*words)[0] == 0
    note = json.loads((tmp_path / 'masks' / 'png_made_by.json').read_text())
    assert note['refine']['checkpoint'] == str(networks['psa'][1]) and note['threshold'] is None
    write_network(networks['psa'][1].parent, 'psa', seed=1)
    status, said = tool(*words)
    assert status == 2 and 'made with another refine' in said


def test_psa_labels_where_a_share_exceeds_a_half(tool, root, networks, tmp_path):  # noqa: F811
    status, said = tool(*refined_by(networks, 'psa', 'alpha=2'), '--cam-dir', tmp_path / 'cams')
    assert status == 0, said
    refine, found = PSA(*map(str, networks['psa']), alpha=2), []
    for name in IDS:
        cam, classes = read_cam(tmp_path / 'cams' / f'{name}.npz')
        shares = refine.refine(read_image(root / 'images' / f'{name}.jpg'), cam)
        found.append(read_mask(tmp_path / 'masks' / f'{name}.png'))
        np.testing.assert_array_equal(found[-1], mask_from_cam(shares, classes, 0.5))
    assert len({value for mask in found for value in np.unique(mask)}) > 2


@pytest.mark.parametrize('refine', ['none', 'par'])
def test_pixels_between_two_thresholds_are_unsure(tool, root, tmp_path, refine):  # noqa: F811
    status, said = tool('--refine', refine, '--threshold', 0.5, '--unsure-from', 0.2, '--cam-dir', tmp_path / 'cams')
    assert status == 0, said
    seen = set()
    for name in IDS:
        cam, classes = read_cam(tmp_path / 'cams' / f'{name}.npz')
        maps = PAR().refine(read_image(root / 'images' / f'{name}.jpg'), cam) if refine == 'par' else cam
        best = maps.max(0)
        expected = np.where(best > 0.5, classes[maps.argmax(0)], np.where(best > 0.2, 255, 0))
        mask = read_mask(tmp_path / 'masks' / f'{name}.png')
        np.testing.assert_array_equal(mask, expected)
        seen |= {*np.unique(mask).tolist()}
    assert {0, 255} < seen
    assert 'made with another unsure_from' in tool('--refine', refine, '--threshold', 0.5, '--unsure-from', 0.1)[1]


def test_unsure_pixels_of_a_crf_lie_between_two_powers(tool, tmp_path, monkeypatch):  # noqa: F811
    pytest.importorskip('pydensecrf')
    direct = nullcontext(lambda function, *args: function(*args))  # starting processes takes longer than the work
    monkeypatch.setattr(pseudo_masks, 'Workers', lambda count: direct)
    settings = ['--refine', 'crf', '--workers', 1, '--refine-cfg']
    for folder, words in dict(both=['alpha=4', '--unsure-from', 24], low=['alpha=4'], high=['alpha=24']).items():
        assert tool('--out', tmp_path / folder, *settings, *words)[0] == 0
    for name in IDS:
        both, low, high = (read_mask(tmp_path / folder / f'{name}.png') for folder in ('both', 'low', 'high'))
        np.testing.assert_array_equal(both, np.where((low == 0) & (high != 0), 255, low))


@pytest.mark.parametrize(('words', 'named'), [
    (['--refine', 'irn'], '--refine-config and --refine-checkpoint'),
    (['--refine', 'par', '--refine-config', 'irn.py'], "'par' has no setting config"),
    (['--refine', 'psa', '--refine-config', 'irn.py', '--refine-checkpoint', 'irn.pth'], 'irn.py has IRNHead'),
    (['--refine', 'irn', '--refine-config', 'irn.py', '--refine-checkpoint', 'psa.pth'], 'psa.pth'),
    (['--refine', 'irn', '--refine-config', 'irn.py', '--refine-checkpoint', 'none.pth'], 'none.pth does not exist'),
    (['--relations', 'rel'], "Relations of pixels are IRN's"),
    (['--unsure-from', '0.4', '--threshold', '0.3'], 'the lower one is 0.4'),
    (['--refine', 'crf', '--refine-cfg', 'alpha=4', '--unsure-from', '2'], 'a second power above 4; it is 2'),
    (['--refine', 'psa', '--refine-config', 'psa.py', '--refine-checkpoint', 'psa.pth', '--unsure-from', '2'],
     'need the refinement crf'),
])
def test_what_cannot_work_is_refused_before_the_work(tool, networks, monkeypatch, tmp_path, words, named):  # noqa: F811
    monkeypatch.chdir(networks['irn'][0].parent)
    status, said = tool(*words)
    assert status == 2 and named in said and 'Traceback' not in said
    assert not (tmp_path / 'masks').exists()


def test_cam_file_of_another_size_is_named(tool, root, networks, tmp_path):  # noqa: F811
    cams = tmp_path / 'cams'
    assert tool('--cam-dir', cams, '--out', tmp_path / 'first')[0] == 0
    cam, classes = read_cam(cams / 'i03.npz')
    write_cam(cams / 'i03.npz', cam[:, :-4], classes)
    for refine in (refined_by(networks, 'irn'), ['--refine', 'par']):
        status, said = tool('--cam-dir', cams, '--out', tmp_path / refine[1], *refine)
        assert status == 2 and 'i03.npz has 48 x 60 pixels, its image 48 x 64' in said and 'Traceback' not in said


def test_nroi_takes_the_network_of_the_maps_unless_another_is_named(tool, root, networks, tmp_path):  # noqa: F811
    config, checkpoint = networks['nroi']
    words = ['--threshold', 0.4, '--cam-dir', tmp_path / 'cams', '--refine', 'nroi']
    status, said = tool(*words)  # the tool's own network returns one map
    assert status == 2 and 'in_index=0 is none in' in said and 'out_indices' in said
    words += ['--refine-config', config, '--refine-checkpoint', checkpoint, '--refine-cfg', 'sure=0.7']
    status, said = tool(*words)
    assert status == 0, said
    refine = NROI(config, checkpoint, sure=0.7)
    for name in IDS:
        cam, classes = read_cam(tmp_path / 'cams' / f'{name}.npz')
        refined = refine.refine(read_image(root / 'images' / f'{name}.jpg'), cam)
        np.testing.assert_array_equal(read_mask(tmp_path / 'masks' / f'{name}.png'),
                                      mask_from_cam(refined, classes, 0.4))


def test_nroi_compares_with_the_images_of_a_list_however_split(tool, root, networks, tmp_path, monkeypatch):  # noqa: F811
    (tmp_path / 'list.txt').write_text(''.join(f'{name}\n' for name in IDS[:5]))
    settings = [f'nroi_from={tmp_path / "list.txt"}', 'sure=0.6', 'unlike=0.6', 'max_nroi=20']
    words = ['--threshold', 0.2, *refined_by(networks, 'nroi', *settings)]
    status, said = tool(*words)
    assert status == 0, said
    whole = files(tmp_path / 'masks')
    alone = refined_by(networks, 'nroi', *settings[1:3], 'prior=0.1')
    assert tool('--threshold', 0.2, '--out', tmp_path / 'alone', *alone)[0] == 0
    assert {name for name in IDS if whole[f'{name}.png'] != files(tmp_path / 'alone')[f'{name}.png']}
    for name in IDS[2:6]:
        (tmp_path / 'masks' / f'{name}.png').unlink()
    assert tool(*words)[0] == 0 and files(tmp_path / 'masks') == whole
    with monkeypatch.context() as patch:
        patch.setattr(NROI, 'look', lambda *args: pytest.fail('There is nothing left to do.'))
        assert tool(*words)[0] == 0
    launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', 2]
    run = process(command(root, tmp_path / 'shared', *words), launcher)
    assert run.wait() == 0, run.stdout.read()
    assert files(tmp_path / 'shared') == whole
    status, said = tool(*words[:2], '--out', tmp_path / 'none', *refined_by(networks, 'nroi', 'nroi_from=none.txt'))
    assert status == 2 and 'none.txt' in said and 'Traceback' not in said and not (tmp_path / 'none').exists()
