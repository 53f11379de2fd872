"""Nothing that is read runs code: a file that would, were it unpickled, is refused by name and has left no trace."""
import io
import os
import pickle
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from readers import READERS
from small_run import small_run

from mmfbr.engine.publish import publish
from mmfbr.files import InputError
from mmfbr.image_files import read_cam
from mmfbr.safe_loading import load_state


class Payload:
    """Its unpickling calls ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.how = function, arguments

    def __reduce__(self):
        return self.how


@pytest.fixture
def trace(tmp_path):
    """The file that the payloads write; it must not be there in the end."""
    trace = tmp_path / 'trace'
    yield trace
    assert not trace.exists()


def payloads(trace):
    """{what: object}: unpickled by Python's own rules, each of them writes the file ``trace``."""
    text = f'open({str(trace)!r}, "w").close()'
    command = Payload(os.system, f'touch {trace}')
    return dict(command=command, program=Payload(exec, text), file=Payload(open, str(trace), 'w'),
                array=np.array([command], dtype=object))


def saved(content, zipped=True):
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def script(content):
    """What torch takes for TorchScript, with the pickle where that has its constants."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name in ('data.pkl', 'constants.pkl'):
            archive.writestr(f'a/{name}', pickle.dumps(content))
        archive.writestr('a/version', '3')
    return stream.getvalue()


def in_tar(content):
    """The oldest form of a checkpoint, a tar archive of pickles."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as archive:
        for name in ('sys_info', 'pickle', 'storages', 'tensors'):
            info = tarfile.TarInfo(name)
            info.size = len(pickle.dumps(content))
            archive.addfile(info, io.BytesIO(pickle.dumps(content)))
    return stream.getvalue()


def beside_tensors(content):
    return dict(state_dict=dict(w=torch.ones(3)), meta=dict(iter=1), optimizer=content)


FORMS = {
    'a pickle': pickle.dumps, 'zip': saved, 'legacy': partial(saved, zipped=False),
    'zip, beside tensors': lambda content: saved(beside_tensors(content)),
    'legacy, beside tensors': lambda content: saved(beside_tensors(content), zipped=False),
    'TorchScript': script, 'tar': in_tar}


def test_a_payload_does_run_where_a_pickle_is_trusted(trace):
    for payload in payloads(trace).values():
        pickle.loads(pickle.dumps(payload))
        assert trace.exists()
        trace.unlink()


# Checkpoints

@pytest.fixture(params=[False, True], ids=['', 'forced'])
def trusting(request, monkeypatch):
    """As users have set it on the advice of torch's message: every load that does not say otherwise runs code."""
    if request.param:
        monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')


def test_the_door_of_the_log_history_opens_for_its_statistics_alone(tmp_path):
    path = tmp_path / 'evil.pth'
    path.write_bytes(saved(Payload(getattr, HistoryBuffer, '__init__')))
    with pytest.raises(InputError, match='evil.pth'):
        load_state(path)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('read', [load_state, publish, CheckpointLoader.load_checkpoint])
def test_checkpoints(read, form, trace, tmp_path, trusting):
    path = tmp_path / 'evil.pth'
    for payload in payloads(trace).values():
        path.write_bytes(FORMS[form](payload))
        with pytest.raises(InputError, match='evil.pth'):
            read(str(path))
    assert [*tmp_path.iterdir()] == [path]


def test_a_checkpoint_from_the_network(trace, tmp_path, monkeypatch, trusting):
    class Quiet(SimpleHTTPRequestHandler):
        log_message = lambda *args: None  # noqa: E731

    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    (tmp_path / 'evil.pth').write_bytes(saved(beside_tensors(payloads(trace)['command'])))
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(InputError, match='evil.pth'):
            CheckpointLoader.load_checkpoint(f'http://127.0.0.1:{server.server_port}/evil.pth')
        server.shutdown()


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A run that has ended, and the bytes of its checkpoint."""
    run = small_run(tmp_path_factory.mktemp('run'))
    run.train()
    run.good = run.checkpoint.read_bytes()
    return run


def changed(run, change):
    content = torch.load(io.BytesIO(run.good), weights_only=True)
    change(content)
    return saved(content)


@pytest.mark.parametrize('key', ['load_from', 'model.backbone.init_cfg'])
def test_a_training_from_a_hostile_checkpoint(key, run, trace, tmp_path, trusting):
    path = tmp_path / 'evil.pth'
    path.write_bytes(changed(run, lambda content: content.update(optimizer=payloads(trace)['command'])))
    value = str(path) if key == 'load_from' else dict(type='Pretrained', checkpoint=str(path))
    with pytest.raises(InputError, match='evil.pth'):
        run.train(work_dir=str(tmp_path / 'work'), options={key: value})


def test_a_resume_from_a_hostile_checkpoint(run, trace, trusting):
    run.checkpoint.write_bytes(changed(run, lambda content: content.update(optimizer=payloads(trace)['command'])))
    with pytest.raises(InputError, match='iter_1.pth'):
        run.train(resume=True, options={'default_hooks.checkpoint.type': 'CheckpointHook'})


def test_a_resume_runs_no_program_of_the_checkpoint(run, trace):
    """mmengine reads ``meta.config``, which mmcv has left, as a config, that is as a program."""
    program = f'open({str(trace)!r}, "w").close()'
    run.checkpoint.write_bytes(changed(run, lambda content: content['meta'].update(config=program)))
    run.train(resume=True)


# All other files

@pytest.mark.parametrize('name', READERS)
def test_a_pickle_in_the_place_of_any_file(name, trace, tmp_path):
    path = READERS[name].good(tmp_path)
    for payload in payloads(trace).values():
        path.write_bytes(pickle.dumps(payload) + b'\n{}\n')  # a log may end in a line that it was stopped in
        with pytest.raises(InputError) as refused:
            READERS[name].read(path)
        assert path.name in str(refused.value) or str(path.parent) in str(refused.value)


@pytest.mark.parametrize('key', ['cam', 'classes'])
def test_cam_with_objects(key, trace, tmp_path):
    arrays = dict(cam=np.ones((1, 2, 2)), classes=np.ones(1))
    np.savez(tmp_path / 'evil.npz', **{**arrays, key: payloads(trace)['array']})
    with pytest.raises(InputError, match='evil.npz'):
        read_cam(tmp_path / 'evil.npz')
