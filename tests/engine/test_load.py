"""Checkpoints are data: what is damaged, foreign, malicious or of another shape ends in a sentence and runs nothing."""
import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer, MessageHub

from mmfbr.engine import load_model, load_state
from mmfbr.engine.load import check_fit, is_fbr_key
from mmfbr.files import InputError
from mmfbr.safe_loading import history_statistic


def config(num_classes=3, fbr=False, capacity=16):
    """A CAM network of two convolutions."""
    head = dict(type='CAMHead', in_channels=16, in_index=0, num_classes=num_classes)
    model = dict(
        type='CAMSegmentor', data_preprocessor=dict(type='CAMDataPreprocessor'), decode_head=head,
        backbone=dict(type='ResNet', depth=18, stem_channels=4, base_channels=2, out_indices=(3, )))
    if fbr:
        model['neck'] = dict(type='FBRNeck', in_channels=16, in_index=0, channels=4)
        head['loss_decode'] = [dict(type='MultiLabelSoftMarginLoss'),
                               dict(type='FBRLoss', nroi=dict(capacity=capacity, channels=4))]
    return Config(dict(default_scope='mmseg', model=model))


@pytest.fixture(scope='module')
def trained():
    """State dict of a network with FBR."""
    from mmengine.registry import MODELS, init_default_scope
    init_default_scope('mmseg')
    return MODELS.build(config(fbr=True).model).state_dict()


def saved(path, content):
    torch.save(content, path)
    return path


class Malicious:
    """Unpickling it writes the file ``path``."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, 'w')


# What a file may hold

def test_state_comes_with_and_without_what_mmengine_puts_around_it(tmp_path):
    weight = torch.arange(3.)
    for content in (dict(w=weight), dict(state_dict=dict(w=weight), meta=dict(iter=3)), {'module.w': weight}):
        state = load_state(saved(tmp_path / 'any.pth', content))
        assert list(state) == ['w'] and state['w'].equal(weight)


def test_the_log_history_of_a_run_loads(tmp_path):
    hub = MessageHub.get_instance('test_load')
    hub.update_scalar('train/loss', 0.5)
    hub.update_scalar('train/loss', 1)
    hub.update_info('dataset_meta', dict(classes=('background', 'cow'), palette=[[0, 0, 0]]))
    content = dict(state_dict=dict(w=torch.ones(1)), message_hub=hub.state_dict(), best=np.float64(3.5))
    path = saved(tmp_path / 'run.pth', content)
    assert load_state(path)['w'].item() == 1
    read = torch.load(path, weights_only=True)
    history = read['message_hub']['log_scalars']['train/loss']
    assert history.data[0].tolist() == [0.5, 1]
    assert history.statistics('mean') == 0.75
    assert read['best'] == 3.5
    with torch.serialization.safe_globals([HistoryBuffer, np.ndarray, np.dtype, type(np.dtype(np.float64))]):
        pass  # as onedl-mmengine loads a checkpoint: in the end torch forgets what was allowed here
    assert load_state(path)['w'].item() == 1


def test_a_history_written_under_the_other_numpy_loads(tmp_path):
    """numpy 2 calls a module `numpy._core` that was `numpy.core`; both names stand in checkpoints."""
    path = tmp_path / 'run.pth'
    torch.save(dict(state_dict=dict(w=torch.ones(1)), history=HistoryBuffer([1., 2.], [1, 1])), path)
    here, there = (b'numpy._core', b'numpy.core') if hasattr(np, '_core') else (b'numpy.core', b'numpy._core')
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(here, there) if name.endswith('.pkl') else content)
    assert here not in path.read_bytes().replace(there, b'')
    assert torch.load(path, weights_only=True)['history'].statistics('max') == 2


# What it may not

def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match='The checkpoint .*none.pth does not exist'):
        load_state(tmp_path / 'none.pth')


@pytest.mark.parametrize('content', [[1, 2], 'text', {}, dict(state_dict={}), dict(state_dict=3), dict(w=3)])
def test_file_without_tensors_holds_no_state_dict(tmp_path, content):
    with pytest.raises(InputError, match='any.pth holds no state dict'):
        load_state(saved(tmp_path / 'any.pth', content))


def test_damaged_file_is_named_wherever_the_damage_is(tmp_path):
    path = tmp_path / 'damaged.pth'
    stream = io.BytesIO()
    torch.save(dict(w=torch.arange(8.), b=torch.ones(2, 2)), stream, _use_new_zipfile_serialization=False)
    whole = stream.getvalue()
    assert len(whole) < 1500
    for kept in range(len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(InputError, match='The checkpoint .*damaged.pth .*damaged'):
            load_state(path)


def test_damaged_archive_and_other_files_are_named(tmp_path, trained):
    path = saved(tmp_path / 'damaged.pth', trained)
    whole = path.read_bytes()
    for content in (whole[:len(whole) // 2], whole[:-1], b'<html>404</html>', b'\x80\x02.', pickle.dumps(dict(w=1))):
        path.write_bytes(content)
        with pytest.raises(InputError, match='The checkpoint .*damaged.pth'):
            load_state(path)


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('where', [lambda evil: evil, lambda evil: dict(state_dict=dict(w=torch.ones(1)), meta=evil)])
def test_malicious_file_is_refused_and_not_run(tmp_path, zipped, where):
    proof = tmp_path / 'proof'
    path = tmp_path / 'evil.pth'
    torch.save(where(Malicious(proof)), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r'evil.pth .* holds objects other than tensors, .*GLOBAL io.open was not'):
        load_state(path)
    assert not proof.exists()
    pickle.loads(pickle.dumps(Malicious(proof))).close()
    assert proof.exists()  # it would have run


class Asks:
    """Pickled as the call ``getattr(owner, name)``."""

    def __init__(self, owner, name):
        self.call = getattr, (owner, name)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(('owner', 'name'), [
    (HistoryBuffer, '__init__'), (HistoryBuffer, '__globals__'), (HistoryBuffer, 'update'), (HistoryBuffer, 'mro'),
    (HistoryBuffer([1.], [1]), 'mean'), (np.ndarray, 'tofile'), (np.dtype, 'mean'), ('text', 'format'),
    (Asks(HistoryBuffer, 'mean'), '__globals__'),
])
def test_getattr_of_a_checkpoint_reaches_nothing_but_statistics(tmp_path, owner, name):
    path = saved(tmp_path / 'evil.pth', dict(state_dict=dict(w=torch.ones(1)), meta=Asks(owner, name)))
    with pytest.raises(InputError, match=f'evil.pth .*asks for {name!r} of'):
        load_state(path)
    with pytest.raises(ValueError, match='only the statistics are loaded'):
        torch.load(path, weights_only=True)


def test_statistics_of_a_history_are_reached(tmp_path):
    for name in ('min', 'max', 'current', 'mean'):
        assert history_statistic(HistoryBuffer, name) is getattr(HistoryBuffer, name)
        path = saved(tmp_path / 'good.pth', dict(state_dict=dict(w=torch.ones(1)), meta=Asks(HistoryBuffer, name)))
        assert torch.load(path, weights_only=True)['meta'] is getattr(HistoryBuffer, name)


# What fits a model

@pytest.mark.parametrize('fbr', [False, True])
def test_trained_weights_reach_the_model_in_eval_mode(tmp_path, trained, fbr):
    path = saved(tmp_path / 'trained.pth', dict(state_dict=trained))
    model = load_model(config(fbr=fbr), path)
    assert not model.training
    assert all(value.cpu().equal(trained[key]) for key, value in model.state_dict().items())


def test_weights_of_fbr_may_be_missing_or_of_another_shape(tmp_path, trained):
    host = {key: value for key, value in trained.items() if not is_fbr_key(key)}
    load_model(config(fbr=True), saved(tmp_path / 'host.pth', host))
    model = load_model(config(fbr=True, capacity=5), saved(tmp_path / 'trained.pth', trained))
    assert model.state_dict()['neck.phi_fg.weight'].cpu().equal(trained['neck.phi_fg.weight'])


def test_checkpoint_of_another_network_is_refused(tmp_path):
    path = saved(tmp_path / 'other.pth', dict(encoder=torch.ones(1)))
    with pytest.raises(InputError, match=r"other.pth: none of its keys .*'encoder' against 'backbone.*another network"):
        load_model(config(), path)


def test_tensor_of_another_shape_is_named(tmp_path, trained):
    path = saved(tmp_path / 'trained.pth', trained)
    with pytest.raises(InputError, match=r"1 tensors have another shape .*'decode_head.classifier.weight' with "
                                         r'\(2, 16, 1, 1\) against \(4, 16, 1, 1\). Check num_classes'):
        load_model(config(num_classes=5), path)


def test_missing_tensors_are_counted(tmp_path, trained):
    state = {key: value for key, value in trained.items() if not key.startswith('decode_head')}
    path = saved(tmp_path / 'backbone.pth', state)
    with pytest.raises(InputError, match="backbone.pth lacks 1 tensors of the model, first 'decode_head.classifier"):
        load_model(config(), path)


def test_check_fit_returns_what_both_have():
    one, two = torch.ones(1), torch.ones(2)
    assert check_fit(dict(a=one, b=two), dict(b=two, c=one), 'it') == ['b']


@pytest.mark.parametrize(('key', 'expected'), [
    ('neck.phi_fg.weight', True),
    ('neck.phi_bg.weight', True),
    ('neck.phi_seg.norm_bias', True),
    ('decode_head.loss_decode.1.nroi.bits', True),
    ('decode_head.loss_decode.1.steps', True),
    ('fbr.neck.phi_seg.conv.weight', True),
    ('neck.lateral_convs.0.conv.weight', False),
    ('decode_head.classifier.weight', False),
    ('decode_head.loss_decode.0.class_weight', False),
    ('decode_head.steps', False),
])
def test_is_fbr_key(key, expected):
    assert is_fbr_key(key) is expected


def test_every_key_that_fbr_adds_is_one_of_fbrs(trained):
    from mmengine.registry import MODELS
    host = MODELS.build(config().model).state_dict()
    assert {key for key in trained if not is_fbr_key(key)} == set(host)
