"""FBR in instance segmentation configs that mmdet ships: each is its base detector, and trains with FBR beside it.

``MMFBR_WRITE_MATRIX=1 pytest tests/matrix/test_matrix_mmdet.py`` writes the table in docs/matrix_mmdet.md.
"""
import copy
import gc
import weakref

import matrix_table
import pytest
import torch
from matrix_models import build, without_downloads
from matrix_rows_mmdet import ROWS
from mmengine.config import Config
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import build_optim_wrapper

from mmfbr.benchmark.detector import base_model, draw
from mmfbr.engine import check_config
from mmfbr.engine.load import is_fbr_key

LINES = {}  # of the table, by row
DATA = {f'{part}_{kind}' for part in ('train', 'val', 'test') for kind in ('dataloader', 'evaluator')}  # not here

pytestmark = [pytest.mark.filterwarnings('ignore'), pytest.mark.usefixtures('hub')]


def load(row, folder):
    """The ``Config`` of a row, as a user has it and at test size."""
    path = folder / f'{row.name}.py'
    path.write_text(row.text)
    written = Config.fromfile(path)
    config = copy.deepcopy(written)
    config.merge_from_dict({f'model.{key}': value for key, value in row.shrink.items()})
    without_downloads(config.model)
    return written, config


def losses(model, data, seed=3):
    """The losses of a step from random numbers of ``seed``, and what the global stream gives next."""
    torch.manual_seed(seed)
    found = model(**model.data_preprocessor(copy.deepcopy(data), True), mode='loss')
    return found, torch.rand(3)


def predictions(model, data):
    with torch.no_grad():
        samples = model.eval().test_step(copy.deepcopy(data))
    model.train()
    return [sample.pred_instances for sample in samples]


def same(one, other):
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(torch.as_tensor(one), torch.as_tensor(other))


@pytest.mark.parametrize('row', [pytest.param(row, id=row.name) for row in ROWS])
def test_is_its_base_and_trains_with_fbr(row, tmp_path, hub):
    if row.name == 'boxinst':
        pytest.importorskip('skimage', reason="BoxInst's preprocessor needs scikit-image (requirements/dev.txt)")
    written, config = load(row, tmp_path)
    check_config(Config({key: value for key, value in config.items() if key not in DATA}))
    host, model = (build(settings, 'mmdet') for settings in (base_model(config.model), config.model))
    assert isinstance(model, type(host)) and type(model) is not type(host)
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in host.state_dict().items())

    with torch.no_grad():
        for parameter in host.parameters():
            parameter.mul_(1.1)  # a checkpoint of its own
    torch.save(dict(state_dict=host.state_dict()), tmp_path / 'base.pth')
    missing, unexpected = model.load_state_dict(torch.load(tmp_path / 'base.pth')['state_dict'], strict=False)
    assert not unexpected and missing and all(is_fbr_key(key) and key.startswith('fbr.') for key in missing)
    data = draw(row.size, batch=2, instances=3, classes=80)
    for ours, theirs in zip(predictions(model, data), predictions(host, data), strict=True):
        assert len(theirs) and ours.keys() == theirs.keys()
        assert all(same(ours[key], theirs[key]) for key in theirs.keys())  # noqa: SIM118

    optimizer = build_optim_wrapper(model, config.optim_wrapper)
    averages = ExponentialMovingAverage(model, momentum=0.5, update_buffers=True)  # as RTMDet's config asks for
    encoder = [p for p in model.backbone.parameters() if p.requires_grad]
    seen = []
    model.fbr.remember = lambda feature: (seen.append(weakref.ref(feature)), shapes.append(feature.shape),
                                          type(model.fbr).remember(model.fbr, feature))
    shapes = []
    for iteration in range(2):
        hub.update_info('iter', iteration)
        found, after = losses(model, data)
        own = {key: found.pop(key) for key in ('loss_fbr', 'loss_fbr_pixel')}
        assert all(torch.isfinite(value) and value > 0 for value in own.values())
        if iteration == 0:
            expected, after_base = losses(host, data)
            assert list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
            assert torch.equal(after, after_base)
            alone = torch.autograd.grad(own['loss_fbr'], encoder, retain_graph=True, allow_unused=True)
            assert sum(gradient.abs().sum() for gradient in alone if gradient is not None) > 0
            alone = torch.autograd.grad(own['loss_fbr_pixel'], encoder, retain_graph=True, allow_unused=True)
            assert all(gradient is None for gradient in alone)
        optimizer.backward(model.parse_losses({**found, **own})[0])
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.fbr.parameters())
        optimizer.step()
        optimizer.zero_grad()
        averages.update_parameters(model)
    assert {'train/fbr/decouple', 'train/fbr/bg_seg', 'train/fbr/bank_fill'} <= set(hub.log_scalars)
    kept = averages.module.fbr.loss
    assert kept.nroi.fill > 0 and torch.equal(kept.nroi.content[:kept.nroi.fill], model.fbr.loss.nroi.content[
        :kept.nroi.fill])
    del own, found, expected, alone
    gc.collect()
    assert all(feature() is None for feature in seen) and model._maps is None

    assert written.model.base == row.base and shapes[0][1] == config.model.fbr.in_channels
    fbr, stride = written.model.fbr, row.size[1] // shapes[0][3]
    LINES[row.name] = (
        f'| {row.name} | `{row.config}` | {row.base} | `in_index={fbr.in_index}`: stride {stride}, {fbr.in_channels} '
        f"channels | `'{row.supervision}'` | {', '.join(f'`{key}`' for key in expected_names(host, data))} |\n")


def expected_names(host, data):
    """The names of the base's losses; those of a decoder's further layers (`d0.`) go without saying."""
    return [key for key in losses(host, data)[0] if 'loss' in key and not key.startswith('d')]


def test_table_in_the_docs_is_what_this_run_saw():
    matrix_table.MMDET.check(ROWS, LINES)
