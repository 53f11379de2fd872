"""Export of the inference model: the graph is that of the model without FBR, and so are the numbers."""
import importlib.util

import pytest
import torch
from tiny_models import batch, cam_segmentor, segmentor

pytestmark = pytest.mark.filterwarnings('ignore')


@pytest.fixture(params=[segmentor, cam_segmentor], ids=lambda build: build.__name__)
def models(request):
    """A model with FBR that has trained a step, and its host with the same weights, both for inference."""
    with_fbr, host = request.param(), request.param(fbr=False)
    sum(value for key, value in with_fbr.loss(*batch()).items() if 'loss' in key).backward()
    host.load_state_dict(with_fbr.state_dict(), strict=False)
    return with_fbr.eval(), host.eval()


def traced(model, pixels):
    with torch.no_grad():
        return torch.jit.trace(model, pixels, check_trace=False)


def operations(graph):
    return [node.kind() for node in graph.nodes()]


def test_torchscript(models, tmp_path):
    pixels, other = batch()[0], batch(seed=7)[0]
    saved = []
    for name, model in zip(('fbr', 'host'), models, strict=True):
        torch.jit.save(torch.jit.freeze(traced(model, pixels)), tmp_path / name)
        saved.append(torch.jit.load(tmp_path / name))
    assert operations(saved[0].graph) == operations(saved[1].graph)
    for inputs in (pixels, other):
        with torch.no_grad():
            found, expected, eager = saved[0](inputs), saved[1](inputs), models[0](inputs)
        assert torch.equal(found, expected)
        torch.testing.assert_close(found, eager)  # freezing folds batch norm
    assert not [name for name, _ in saved[0].named_buffers() if 'nroi' in name]
    assert abs((tmp_path / 'fbr').stat().st_size - (tmp_path / 'host').stat().st_size) < 4096


def test_torch_export(models):
    pixels = batch()[0]
    exported = [torch.export.export(model, (pixels,)) for model in models]
    ops = [[str(node.target) for node in one.graph.nodes if node.op == 'call_function'] for one in exported]
    assert ops[0] == ops[1] and len(ops[0]) > 20
    used = [{node.name for node in one.graph.nodes if node.op == 'placeholder' and node.users} for one in exported]
    assert used[0] == used[1]
    with torch.no_grad():
        assert torch.equal(exported[0].module()(pixels), exported[1].module()(pixels))


@pytest.mark.skipif(importlib.util.find_spec('onnx') is None or importlib.util.find_spec('onnxscript') is None,
                    reason="torch's ONNX exporter needs the packages onnx and onnxscript")
def test_onnx(models, tmp_path):
    import onnx
    graphs = []
    for name, model in zip(('fbr', 'host'), models, strict=True):
        torch.onnx.export(model, (batch()[0],), tmp_path / f'{name}.onnx', dynamo=True)
        graphs.append(onnx.load(tmp_path / f'{name}.onnx').graph)
    assert [node.op_type for node in graphs[0].node] == [node.op_type for node in graphs[1].node]
    assert [one.name for one in graphs[0].initializer] == [one.name for one in graphs[1].initializer]
