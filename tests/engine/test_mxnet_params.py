"""`read_params` and `resnet38d_state`, on files written here as MXNet writes them."""
import runpy
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mxnet_files import KIND_NUMBERS, write_params

import mmfbr.models
from mmfbr.engine.mxnet_params import V1, V2, V3, read_params, resnet38d_state
from mmfbr.files import InputError
from mmfbr.models import ResNet38d

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'convert_resnet38d.py'


def published(state):
    """A state dict of ``ResNet38d`` under the names of the MXNet file, with the classifier that file has."""
    back = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'moving_mean', 'running_var': 'moving_var'}
    arrays = {'arg:linear1000_weight': np.zeros((10, 4), np.float32), 'arg:linear1000_bias': np.zeros(10, np.float32)}
    for key, value in state.items():
        *module, entry = key.split('.')
        if entry == 'num_batches_tracked':
            continue
        kind = 'aux' if entry.startswith('running') else 'arg'
        if module == ['conv1a']:
            name = 'conv1a_weight'
        elif module == ['bn7']:
            name = f'bn7_{back[entry]}'
        else:
            stage, _, block = module[0][1:].partition('_')
            layer, _, branch = module[1].partition('_')
            place = stage + (f'b{block}' if block else 'a')
            name = f'res{place}_{branch}_weight' if layer == 'conv' else f'bn{place}_{branch}_{back[entry]}'
        arrays[f'{kind}:{name}'] = value.numpy()
    return arrays


@pytest.mark.parametrize('version', [None, V1, V2, V3])
def test_arrays_of_every_version_and_type(tmp_path, version):
    rng = np.random.default_rng(0)
    arrays = {f'arg:{kind}': rng.integers(0, 9, (2, 3, 1)).astype(kind) for kind in KIND_NUMBERS}
    found = read_params(write_params(tmp_path / 'a.params', arrays, version))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_damaged_files_are_named(tmp_path):
    path = write_params(tmp_path / 'a.params', {'arg:x': np.zeros((2, 2), np.float32)})
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match='a.params'):
            read_params(path)
    for content, reason in ((b'PK' + whole, 'not an MXNet'),
                            (whole[:28] + struct.pack('<i', 1) + whole[32:], 'sparse'),
                            (whole[:32] + struct.pack('<I', 99) + whole[36:], '99 dimensions')):
        path.write_bytes(content)
        with pytest.raises(InputError, match=reason):
            read_params(path)
    with pytest.raises(InputError, match='does not exist'):
        read_params(tmp_path / 'none.params')


def test_names_lead_to_every_tensor_of_the_network():
    state = ResNet38d(width=1 / 16).state_dict()
    found = resnet38d_state(published(state))
    assert found.keys() == {key for key in state if 'num_batches' not in key}
    assert all(torch.equal(found[key], state[key]) for key in found)
    with pytest.raises(InputError, match='stage9_unit1'):
        resnet38d_state({'arg:stage9_unit1_conv1_weight': np.zeros(1, np.float32)})


def test_tool_writes_weights_the_backbone_loads(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mmfbr.models, 'ResNet38d', lambda **options: ResNet38d(width=1 / 16, **options))
    torch.manual_seed(0)
    arrays = published(ResNet38d(width=1 / 16).state_dict())
    source, out = tmp_path / 'a.params', tmp_path / 'out' / 'a.pth'

    def convert():
        monkeypatch.setattr(sys, 'argv', ['convert', str(source), str(out)])
        runpy.run_path(str(TOOL), run_name='__main__')
    write_params(source, arrays)
    convert()
    model = ResNet38d(width=1 / 16, init_cfg=dict(type='Pretrained', checkpoint=str(out)))
    model.init_weights()
    np.testing.assert_array_equal(model.b3_1.conv_branch2a.weight.detach(), arrays['arg:res3b1_branch2a_weight'])
    out.unlink()
    arrays.pop('arg:bn7_gamma')
    write_params(source, arrays)
    with pytest.raises(SystemExit):
        convert()
    assert "lacks 1 arrays, first that of 'bn7.weight'" in capsys.readouterr().err
    assert not out.exists()
