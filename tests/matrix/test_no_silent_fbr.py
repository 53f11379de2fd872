"""No configuration in which FBR does nothing goes on silently, and every shape of feature maps is read or refused."""
import warnings

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope

from mmfbr.engine import check_config
from mmfbr.files import InputError
from mmfbr.models import FBRLoss, FBRNeck

NECK = dict(type='FBRNeck', in_channels=8)
PLAIN, FBR = dict(type='CrossEntropyLoss'), dict(type='FBRLoss')


def config(neck=NECK, losses=(PLAIN, FBR), kind='FCNHead', classes=None, **more):
    init_default_scope('mmseg')
    head = dict(type=kind, num_classes=4, loss_decode=list(losses))
    return ConfigDict(default_scope='mmseg', model=dict(type='EncoderDecoder', neck=neck, decode_head=head, **more),
                      train_dataloader=dict(dataset=dict(metainfo=dict(classes=classes) if classes else {})))


def feature(channels=8):
    return torch.randn(2, channels, 4, 4, requires_grad=True) * 2


# Before training

@pytest.mark.parametrize('prefix', ['', 'mmfbr.'])
def test_neck_and_loss_pass(prefix):
    check_config(config(dict(NECK, type=prefix + 'FBRNeck'), [PLAIN, dict(type=prefix + 'FBRLoss')]))
    check_config(config(NECK, [PLAIN], auxiliary_head=dict(type=prefix + 'FBRHead', num_classes=4)))
    check_config(config(None, [PLAIN]))


def test_neck_without_loss_is_refused():
    with pytest.raises(InputError, match='model.neck is an FBRNeck, but no head has an FBRLoss'):
        check_config(config(losses=[PLAIN]))


@pytest.mark.parametrize('neck', [None, dict(type='FPN', in_channels=[8], out_channels=8, num_outs=1)])
def test_loss_without_neck_is_refused(neck):
    with pytest.raises(InputError, match='model.decode_head has an FBRLoss, but model.neck is no FBRNeck'):
        check_config(config(neck))
    with pytest.raises(InputError, match=r'model.auxiliary_head\[1\] has an FBRLoss'):
        check_config(config(neck, [PLAIN], auxiliary_head=[dict(type='FCNHead', loss_decode=PLAIN),
                                                           dict(type='FBRHead', num_classes=4)]))


@pytest.mark.parametrize('kind', ['PIDHead', 'SideAdapterCLIPHead', 'mmseg.DDRHead', 'MaskFormerHead'])
def test_heads_that_leave_the_loss_out_are_refused(kind):
    with pytest.raises(InputError, match=f'FBR cannot work in a {kind}'):
        check_config(config(kind=kind))
    check_config(config(kind=kind, losses=[PLAIN], auxiliary_head=dict(type='FBRHead', num_classes=4)))


def test_classes_of_an_fbr_head_are_the_datas():
    wrong = dict(losses=[PLAIN], classes=['background', 'cow', 'boat', 'tree'])
    with pytest.raises(InputError, match='model.auxiliary_head.num_classes is 7, but the training data has 4'):
        check_config(config(**wrong, auxiliary_head=dict(type='FBRHead', num_classes=7)))
    check_config(config(losses=(PLAIN, FBR), classes=wrong['classes'],
                        auxiliary_head=dict(type='STDCHead', num_classes=2)))  # boundaries


# At the first step

def test_neck_that_no_loss_reads_stops_the_first_backward_pass():
    neck = FBRNeck(in_channels=8)
    with pytest.warns(UserWarning, match='no FBRLoss reads it'):
        output = neck(feature())
    with pytest.raises(InputError, match='FBRHead'):
        output.sum().backward()


def test_loss_that_no_head_calls_stops_the_first_backward_pass():
    neck = FBRNeck(in_channels=8)
    FBRLoss()
    assert neck.is_read
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        output = neck(feature())
    with pytest.raises(InputError, match='no FBRLoss reads it'):
        output.sum().backward()


def test_loss_that_no_head_calls_on_frozen_features_is_warned_of():
    neck = FBRNeck(in_channels=8)
    FBRLoss()
    frozen = feature().detach()
    neck(frozen)
    with pytest.warns(UserWarning, match='no FBRLoss reads it'):
        neck(frozen)


def test_loss_that_is_called_lets_the_step_pass():
    neck = FBRNeck(in_channels=8)
    loss, kept = FBRLoss(), feature()
    output = neck(kept)
    value = loss(torch.nn.functional.interpolate(output[:, :4], (8, 8)), torch.randint(0, 4, (2, 8, 8)))
    (value + output.sum()).backward()
    assert neck.phi_fg.weight.grad is not None


def test_logits_of_points_are_refused():
    neck = FBRNeck(in_channels=8)
    loss, kept = FBRLoss(), feature()
    neck(kept)
    with pytest.raises(InputError, match=r'this head calls it with \(2, 4, 50\) and \(2, 50\)'):
        loss(torch.randn(2, 4, 50), torch.zeros(2, 50, dtype=torch.long))


def test_settings_left_by_the_bases_neck_are_refused():
    with pytest.raises(InputError, match='no setting out_channels, num_outs.*_delete_=True'):
        FBRNeck(in_channels=8, in_index=0, out_channels=8, num_outs=4)


# Shapes of the maps

def test_class_tokens_beside_the_maps():
    neck, maps = FBRNeck(in_channels=8, in_index=1), [feature(4), feature()]
    pairs = tuple([m, torch.zeros(2, m.shape[1])] for m in maps)
    assert neck(pairs) is pairs and neck.feature is maps[1]
    with pytest.raises(InputError, match=r'has 4 channels, in_channels says 8.*\[4, 8\]'):
        FBRNeck(in_channels=8, in_index=0)(pairs)


def test_tokens_without_a_layout_are_refused():
    with pytest.raises(InputError, match=r'has the shape \(2, 17, 8\), which is not a map'):
        FBRNeck(in_channels=8)([torch.zeros(2, 17, 8)])


def test_backbones_with_fewer_maps_at_inference_predict():
    neck, bare = FBRNeck(in_channels=8, in_index=1).eval(), feature()
    assert neck(bare) is bare and neck.feature is None  # DDRNet: a pair in training, one map else
    with pytest.raises(InputError, match='there are 1 feature maps'):
        neck.train()(bare)
