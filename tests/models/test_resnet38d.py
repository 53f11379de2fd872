"""`ResNet38d`: the published shapes and keys, strides, what is frozen, and its place in a CAM model."""
import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmfbr.models import ResNet38d


def small(**options):
    torch.manual_seed(0)
    model = ResNet38d(width=1 / 16, **options)
    model.init_weights()
    return model


def test_published_network_has_its_size_and_keys():
    with torch.device('meta'):
        state = ResNet38d().state_dict()
    # Of the stem and the six stages, from the widths in table 1 of "Wider or Deeper".
    sizes = (1_728, 819_200, 3_276_800, 27_262_976, 26_476_544, 9_437_184, 37_748_736)
    assert sum(value.numel() for key, value in state.items() if 'conv' in key) == sum(sizes)
    assert state['conv1a.weight'].shape == (64, 3, 3, 3)
    assert state['b4_5.conv_branch2b1.weight'].shape == (512, 512, 3, 3)
    assert state['b6.conv_branch2b1.weight'].shape == (1024, 512, 3, 3)
    assert state['b7.conv_branch2b2.weight'].shape == (4096, 2048, 1, 1)
    shortcuts = {key.split('.')[0] for key in state if 'conv_branch1' in key}
    assert shortcuts == {'b2', 'b3', 'b4', 'b5', 'b6', 'b7'}
    assert state['bn7.running_mean'].shape == (4096, )


def test_maps_are_those_the_papers_read():
    model = small(out_indices=(0, 1, 2, 3, 4, 5)).eval()
    maps = model(torch.randn(1, 3, 40, 56))
    assert [tuple(m.shape[1:]) for m in maps] == [(8, 20, 28), (16, 10, 14), (32, 5, 7), (64, 5, 7), (128, 5, 7),
                                                  (256, 5, 7)]
    assert all(m.min() >= 0 for m in maps)
    assert torch.equal(small(out_indices=(5, )).eval()(torch.ones(1, 3, 32, 32))[0],
                       small(out_indices=(2, 5)).eval()(torch.ones(1, 3, 32, 32))[1])


def test_a_block_is_its_formula():
    block = small().b4_1.eval()
    x = torch.randn(2, 32, 6, 6)
    out, activated = block(x)
    torch.testing.assert_close(activated, torch.relu(block.bn_branch2a(x)))
    inner = block.conv_branch2b1(torch.relu(block.bn_branch2b1(block.conv_branch2a(activated))))
    torch.testing.assert_close(out, x + inner)


def test_dilations_keep_the_field_of_view():
    model = small()
    assert [model.b5.conv_branch2a.dilation[0], model.b5.conv_branch2b1.dilation[0]] == [1, 2]
    assert [model.b5_1.conv_branch2a.dilation[0], model.b5_1.conv_branch2b1.dilation[0]] == [2, 2]
    assert [model.b6.conv_branch2b1.dilation[0], model.b7.conv_branch2b1.dilation[0]] == [4, 4]


@pytest.mark.parametrize(('stages', 'frozen'), [(-1, set()), (0, {'conv1a'}), (1, {'conv1a', 'b2', 'b2_1', 'b2_2'})])
def test_frozen_stages_and_statistics(stages, frozen):
    model = small(frozen_stages=stages, norm_eval=False).train()
    got = {key.split('.')[0] for key, value in model.named_parameters() if not value.requires_grad}
    assert got == frozen
    before = {key: value.clone() for key, value in model.state_dict().items() if 'running' in key}
    model(torch.randn(2, 3, 32, 32))[0].sum().backward()
    changed = {key.split('.')[0] for key, value in before.items() if not torch.equal(value, model.state_dict()[key])}
    assert not changed & frozen and 'bn7' in changed
    assert all(not m.training for m in small().train().modules() if isinstance(m, nn.BatchNorm2d))


def test_recomputing_activations_gives_the_same_gradient():
    grads = []
    for with_cp in (False, True):
        model = small(with_cp=with_cp, frozen_stages=-1).train()
        x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1), requires_grad=True)
        torch.manual_seed(2)
        model(x)[0].sum().backward()
        grads.append(model.b4.conv_branch1.weight.grad)
    torch.testing.assert_close(*grads)


def test_wrong_stages_are_named():
    with pytest.raises(ValueError, match='out_indices'):
        ResNet38d(out_indices=(6, ), width=1 / 16)
    with pytest.raises(ValueError, match='frozen_stages'):
        ResNet38d(frozen_stages=9, width=1 / 16)
    assert isinstance(MODELS.build(dict(type='mmfbr.ResNet38d', width=1 / 16)), ResNet38d)
