"""FBR in configs that mmseg ships: each trains with FBR at work and predicts as without it, or is refused in words.

``MMFBR_WRITE_MATRIX=1 pytest tests/matrix/test_matrix.py`` writes the table in docs/matrix.md.
"""
import matrix_table
import pytest
import torch
from matrix_models import batch, build, load, without_fbr, without_losses
from matrix_rows import ROWS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmfbr.engine import check_config
from mmfbr.engine.load import is_fbr_key
from mmfbr.files import InputError

PARTS = {f'train/fbr/{name}' for name in ('fb', 'if', 'decouple', 'bg_seg', 'queries', 'bank_fill')}
LINES = {}  # of the table, by row
SERVED, REFUSED = ([pytest.param(row, id=row.name) for row in ROWS if bool(row.refused) == kind]
                   for kind in (False, True))

pytestmark = [pytest.mark.filterwarnings('ignore'), pytest.mark.usefixtures('hub')]


def logits(model, data):
    with torch.no_grad():
        return [sample.seg_logits.data for sample in model.eval().test_step(data)]


@pytest.mark.parametrize('row', SERVED)
def test_trains_with_fbr_and_predicts_as_without(row, tmp_path, hub):
    config = load(row, tmp_path)
    check_config(config)
    bare = without_fbr(config.model)
    host, model = build(bare), build(config.model)

    own = {key for key in model.state_dict() if is_fbr_key(key)}
    assert own and set(model.state_dict()) - own == set(host.state_dict())
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in host.state_dict().items())
    with torch.no_grad():
        for parameter in host.parameters():
            parameter.mul_(1.1)  # a checkpoint of its own
    missing, unexpected = model.load_state_dict(host.state_dict(), strict=False)
    assert set(missing) == own and not unexpected
    data = batch(row.size, classes=2 if row.name.endswith('binary') else 3)
    for ours, theirs in zip(logits(model, data), logits(host, data), strict=True):
        assert torch.equal(ours, theirs)

    model.train()
    optimizer = build_optim_wrapper(model, config.optim_wrapper)
    encoder = [p for p in model.backbone.parameters() if p.requires_grad]
    shape = []
    model.neck.register_forward_hook(lambda neck, *_: shape.append(neck.feature.shape))
    for iteration in range(2):
        hub.update_info('iter', iteration)
        losses = model(**model.data_preprocessor(data, True), mode='loss')
        value = losses[row.keys[0]]
        assert torch.isfinite(value) and value > 0
        assert {key for key in losses if key.endswith('loss_fbr')} == set(row.keys)
        assert all(losses[key] == 0 for key in row.keys[1:])
        if iteration == 0:
            alone = torch.autograd.grad(value, encoder, retain_graph=True, allow_unused=True)
            assert all(gradient is None or torch.isfinite(gradient).all() for gradient in alone)
            assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in alone)
        total, _ = model.parse_losses(losses)
        before = model.neck.phi_bg.weight.detach().clone()
        optimizer.update_params(total)
        assert torch.isfinite(total)
        assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())
    assert not torch.equal(before, model.neck.phi_bg.weight)
    assert set(hub.log_scalars) >= PARTS
    assert all(torch.isfinite(torch.as_tensor(buffer.current())) for buffer in hub.log_scalars.values())

    written = load(row, tmp_path, shrink=False).model
    assert shape[0][1] * row.width == written.neck.in_channels
    LINES[row.name] = matrix_table.line(row, written, (row.size // shape[0][3], written.neck.in_channels))


@pytest.mark.parametrize('row', [row for row in SERVED if not row.values[0].own])
def test_lines_of_fbr_change_nothing_else_of_the_base(row, tmp_path):
    ours = without_losses(without_fbr(load(row, tmp_path, shrink=False).model))
    path = tmp_path / 'base.py'
    path.write_text(f"_base_ = 'mmseg::{row.base}'\n")
    assert ours == without_losses(Config.fromfile(path).model)


@pytest.mark.parametrize('row', REFUSED)
def test_refused_before_training_and_at_the_first_step(row, tmp_path):
    config = load(row, tmp_path)
    with pytest.raises(InputError, match=row.refused) as refusal:
        check_config(config)
    LINES[row.name] = matrix_table.line(row, load(row, tmp_path, shrink=False).model, refusal.value)
    model = build(config.model)
    optimizer = build_optim_wrapper(model, config.optim_wrapper)
    with pytest.raises(InputError, match='FBRHead'):
        model.train_step(batch(), optimizer)


def test_table_in_the_docs_is_what_this_run_saw():
    matrix_table.MMSEG.check(ROWS, LINES)
