"""`FBRNeck`: features pass unchanged, an inner neck keeps its names, nothing outlives the step."""
import copy
import gc
import warnings
import weakref

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from mmseg.models import FPN

import mmfbr  # noqa: F401  (registers)
from mmfbr.models import FBRNeck
from mmfbr.models.projections import BackgroundHead

INNER = dict(type='mmseg.FPN', in_channels=[8, 16], out_channels=8, num_outs=2)


def maps(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 8, 8, 8, generator=generator), torch.randn(2, 16, 4, 4, generator=generator)]


def wrapped():
    return FBRNeck(in_channels=8, in_index=0, channels=4, neck=INNER)


def test_features_come_out_as_they_went_in():
    neck, features = FBRNeck(in_channels=16, in_index=1), tuple(maps())
    assert neck(features) is features
    assert neck.feature is features[1]


def test_a_backbone_that_returns_one_bare_map():
    feature = maps()[0]
    neck = FBRNeck(in_channels=8)
    assert neck(feature) is feature and neck.feature is feature


def test_wrong_index_and_channels_are_named():
    with pytest.raises(ValueError, match='in_index=4, but there are 2 feature maps'):
        FBRNeck(in_channels=8, in_index=4)(maps())
    with pytest.raises(ValueError, match=r'has 16 channels, in_channels says 8.*\[8, 16\]'):
        FBRNeck(in_channels=8, in_index=1)(maps())


def test_a_neck_that_no_loss_reads_says_so_once():
    neck = FBRNeck(in_channels=8, in_index=0)
    with pytest.warns(UserWarning, match='no FBRLoss reads it'):
        neck(maps())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        neck(maps())
        FBRNeck(in_channels=8, in_index=0).eval()(maps())


def test_nothing_holds_the_feature_after_the_step():
    neck, features = FBRNeck(in_channels=8, in_index=0), maps()
    leaf = features[0].requires_grad_()
    neck([leaf * 2, features[1]])
    assert neck.feature is None  # the list, and the map in it, are gone
    features = [leaf * 2, features[1]]
    neck(features)
    watched = weakref.ref(neck.embedder().embed(torch.tensor([0])).z_fg)
    gc.collect()
    assert watched() is None and neck.feature is features[0]


def test_embeddings_are_relu_of_projections():
    neck, features = FBRNeck(in_channels=8, in_index=0, channels=4), maps()
    neck(features)
    z = neck.embedder().embed(torch.tensor([70, 3]))
    for found, projection in ((z.z_fg, neck.phi_fg), (z.z_bg, neck.phi_bg)):
        torch.testing.assert_close(found, projection(features[0]).relu().flatten(2).transpose(1, 2))
    assert torch.equal(z.query, z.z_fg.flatten(0, 1)[[70, 3]])


def test_background_logits_do_not_depend_on_invalid_pixels():
    neck = FBRNeck(in_channels=8, in_index=0, channels=4).eval()
    valid = torch.zeros(2, 8, 8, dtype=torch.bool)
    valid[:, :5] = True
    logits = []
    for noise in (0., 100.):
        features = maps()
        features[0] = features[0] + noise * ~valid[:, None]
        neck(features)
        raw_bg = neck.embedder().embed(torch.tensor([0])).raw_bg
        logits.append(neck.phi_seg(raw_bg, valid.flatten(1), torch.Generator())[valid.flatten(1)])
    torch.testing.assert_close(*logits)
    slow = torch.nn.functional.batch_norm(neck.phi_bg(maps()[0]).permute(0, 2, 3, 1)[valid], None, None, training=True)
    torch.testing.assert_close(logits[0], slow.relu() @ neck.phi_seg.conv.weight.flatten() + neck.phi_seg.conv.bias)


@pytest.mark.parametrize('dropout', [0.25, 0.5])
def test_dropout_takes_its_share_of_the_numbers_and_makes_up_for_it(dropout):
    head, valid = BackgroundHead(3, dropout), torch.ones(1, 51, 51, dtype=torch.bool)
    for parameter, value in zip((head.norm_weight, head.norm_bias, head.conv.weight, head.conv.bias), (0, 1, 1, 0),
                                strict=True):  # each number is 1 before dropout
        torch.nn.init.constant_(parameter, value)
    x = torch.randn(1, 51, 51, 3)
    kept = head(x, valid, torch.Generator().manual_seed(0)).flatten() * (1 - dropout)
    share = kept.round().long().bincount() / 51**2
    expected = torch.distributions.Binomial(3, torch.tensor(1 - dropout)).log_prob(torch.arange(4.)).exp()
    torch.testing.assert_close(share, expected, atol=0.03, rtol=0)
    assert (head.eval()(x, valid, None) == 3).all()


def test_inner_neck_has_the_keys_and_values_it_has_without_fbr():
    torch.manual_seed(0)
    plain = FPN(**{key: value for key, value in INNER.items() if key != 'type'})
    plain.init_weights()
    torch.manual_seed(0)
    neck = wrapped()
    neck.init_weights()
    state, expected = neck.state_dict(), plain.state_dict()
    assert {key for key in state if not key.startswith('phi_')} == set(expected)
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert {name for name, _ in neck.named_parameters()} == set(state)
    for found, wanted in zip(neck(maps()), plain(maps()), strict=True):
        assert torch.equal(found, wanted)


@pytest.mark.parametrize('load', [lambda module, state: module.load_state_dict(state, strict=False), load_state_dict])
def test_weights_of_the_bare_neck_load(load):
    torch.manual_seed(1)
    plain, neck = FPN(**{key: value for key, value in INNER.items() if key != 'type'}), wrapped()
    load(neck, plain.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(neck(maps()), plain(maps()), strict=True))


def test_inner_neck_follows_casts_copies_modes_and_replacements():
    neck = wrapped().double()
    assert neck([x.double() for x in maps()])[0].dtype == torch.float64
    twin = copy.deepcopy(neck)
    with torch.no_grad():
        next(twin.lateral_convs.parameters()).add_(1)
    assert not torch.equal(twin([x.double() for x in maps()])[0], neck([x.double() for x in maps()])[0])
    assert not neck.eval().inner.training and neck.train().inner.training
    replacement = torch.nn.ModuleList(torch.nn.Identity() for _ in range(2))
    neck.add_module('fpn_convs', replacement)
    assert neck.inner.fpn_convs is replacement


def test_an_inner_neck_with_our_names_is_refused():
    taken = torch.nn.Sequential()
    taken.phi_fg = torch.nn.Identity()
    with pytest.raises(ValueError, match='phi_fg'):
        FBRNeck(in_channels=8)._adopt(taken)


def test_the_global_stream_is_not_touched():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = FBRNeck(in_channels=8)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(5)
    assert torch.equal(FBRNeck(in_channels=8).phi_fg.weight, first.phi_fg.weight)
    torch.manual_seed(6)
    assert not torch.equal(FBRNeck(in_channels=8).phi_fg.weight, first.phi_fg.weight)
