"""`FBRLoss` in mmseg heads: gradients, degenerate batches, pairs of neck and loss, state, what the run is told."""
import copy
import gc
import weakref

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import ExponentialMovingAverage
from tiny_models import batch, cam_segmentor, fbr_loss, fbr_of, segmentor

from mmfbr.models import FBRLoss, FBRNeck
from mmfbr.models.run_log import _logging_interval
from mmfbr.registry import MODELS

TERMS = ('w_if', 'w_fb', 'w_decouple', 'w_bg_seg')


@pytest.fixture(autouse=True)
def fresh_hub(request):
    """A message hub of its own for each test: FBR reads the run's iteration there."""
    MessageHub.get_instance(request.node.nodeid)


def run_of(**info):
    hub = MessageHub.get_current_instance()
    for key, value in info.items():
        hub.update_info(key, value)
    return hub


def fbr_value(model, data=None):
    return model.loss(*(data or batch()))['decode.loss_fbr']


def only(term, **settings):
    return {**dict.fromkeys(TERMS, 0.), term: 1., **settings}


def reached(model):
    return {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}


@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
@pytest.mark.parametrize('term, projections', [('w_if', {'neck.phi_fg.weight'}), ('w_fb', {'neck.phi_fg.weight'}),
                                               ('w_decouple', {'neck.phi_fg.weight', 'neck.phi_bg.weight'}),
                                               ('w_bg_seg', {'neck.phi_bg.weight'})])
def test_each_term_trains_its_projection_and_the_encoder(build, term, projections):
    model = build(**only(term))
    value = fbr_value(model)
    value.backward()
    assert value > 0
    names = reached(model)
    assert projections <= names and 'backbone.conv1.weight' in names
    assert not {'neck.phi_fg.weight', 'neck.phi_bg.weight'} - projections & names
    missing = [n for n, p in model.named_parameters() if n.startswith('neck.phi') and p.grad is None]
    assert not missing  # DDP: every parameter takes part


@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
def test_inference_is_bit_equal_with_and_without_fbr(build):
    with_fbr, without = build().eval(), build(fbr=False).eval()
    without.load_state_dict(with_fbr.state_dict(), strict=False)
    pixels, samples = batch()
    expected = without.predict(pixels, copy.deepcopy(samples))
    for ours, host in zip(with_fbr.predict(pixels, samples), expected, strict=True):
        assert torch.equal(ours.seg_logits.data, host.seg_logits.data)
        assert torch.equal(ours.pred_sem_seg.data, host.pred_sem_seg.data)


@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
def test_the_host_starts_and_trains_the_same_with_fbr_at_weight_zero(build):
    zero = dict.fromkeys(TERMS, 0.)
    trained = []
    for model in (build(fbr=False), build(**zero), build(loss_weight=0.)):
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        torch.manual_seed(3)  # the host's dropout draws from here
        for step in range(3):
            optimizer.zero_grad()
            sum(v for k, v in model.loss(*batch(seed=step)).items() if 'loss' in k).backward()
            optimizer.step()
        trained.append(model.state_dict())
    for state in trained[1:]:
        assert all(torch.equal(state[key], value) for key, value in trained[0].items())


def test_fbr_draws_nothing_from_the_global_stream():
    model, data = segmentor(), batch()
    features = model.extract_feat(data[0])
    logits, label = model.decode_head(features), torch.stack([s.gt_sem_seg.data[0] for s in data[1]])
    before = torch.get_rng_state()
    fbr_of(model)(torch.nn.functional.interpolate(logits, (32, 32)), label)
    assert torch.equal(before, torch.get_rng_state())


def cases():
    full = torch.full((2, 32, 32), 255)
    one, background = full.clone(), torch.zeros_like(full)
    one[0, :16] = 2
    two = one.clone()
    two[1, 16:] = 0
    dot = torch.where(torch.arange(1024).view(1, 32, 32) == 0, 1, full)
    yield from dict(all_ignored=full, one_class=one, only_background=background, no_background=background + 1,
                    class_and_background=two, single_pixel=dot).items()


@pytest.mark.parametrize('build', [segmentor, cam_segmentor])
@pytest.mark.parametrize('labels', [pytest.param(value, id=name) for name, value in cases()])
def test_batches_with_nothing_to_contrast_give_a_connected_finite_value(build, labels):
    model = build()
    value = fbr_value(model, batch(labels))
    value.backward()
    assert torch.isfinite(value)
    gradients = [p.grad for n, p in model.named_parameters() if n.startswith('neck.phi')]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize('scale', [1e4, 1e30])
def test_extreme_logits_stay_finite(scale):
    model, (pixels, samples) = segmentor(), batch()
    label = torch.stack([s.gt_sem_seg.data[0] for s in samples])
    features = model.extract_feat(pixels)
    value = fbr_of(model)(torch.randn(2, 4, 32, 32) * scale, label)
    value.backward()
    assert torch.isfinite(value) and features is not None


def test_single_image_of_one_cell():
    loss, neck = MODELS.build(fbr_loss()), FBRNeck(in_channels=8, channels=16)
    feature = torch.randn(1, 8, 1, 1)
    neck(feature)
    value = loss.bind(neck)(torch.randn(1, 4, 8, 8), torch.ones(1, 8, 8, dtype=torch.long))
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(neck.phi_bg.weight.grad).all()


@pytest.mark.parametrize('bg_index', [0, 3, None])
def test_conventions_of_the_background(bg_index):
    model = segmentor(bg_index=bg_index)
    value = fbr_value(model)
    value.backward()
    assert torch.isfinite(value) and value > 0
    bank = fbr_of(model).nroi
    assert (int(bank.fill) > 0) == (bg_index is not None)
    sides = ('neck.phi_bg', 'neck.phi_seg')
    gradients = [p.grad.abs().sum() for n, p in model.named_parameters() if n.startswith(sides)]
    assert (max(gradients) > 0) == (bg_index is not None)


def test_a_second_evaluation_in_a_step_is_a_connected_zero():
    losses = [dict(type='mmseg.CrossEntropyLoss'), fbr_loss()]
    model = segmentor(losses=losses)
    pixels, samples = batch()
    features = model.extract_feat(pixels)
    logits = model.decode_head(features)
    first = model.decode_head.loss_by_feat(logits, samples)['loss_fbr']
    fill = int(fbr_of(model).nroi.fill)
    second = model.decode_head.loss_by_feat(logits, samples)['loss_fbr']
    second.backward()
    assert first > 0 and second == 0 and int(fbr_of(model).nroi.fill) == fill
    assert all(p.grad is not None for n, p in model.named_parameters() if n.startswith('neck.phi'))
    assert features is not None


def test_a_missing_neck_says_which_line_to_add():
    losses = [dict(type='mmseg.CrossEntropyLoss'), fbr_loss()]
    model = segmentor(fbr=False, losses=losses)
    with pytest.raises(RuntimeError, match=r"Add `neck=dict\(type='FBRNeck'"):
        model.loss(*batch())


@pytest.mark.parametrize('build, host', [(segmentor, 'mmseg.CrossEntropyLoss'),
                                         (cam_segmentor, 'MultiLabelSoftMarginLoss')])
def test_a_model_without_neck_does_not_read_another_models_features(build, host):
    running = build()
    bare = build(fbr=False, losses=[dict(type=host), fbr_loss()])
    features = running.extract_feat(batch()[0])
    with pytest.raises(RuntimeError, match='FBRNeck'):
        bare.loss(*batch())
    assert features is not None


def test_models_in_one_process_read_their_own_features():
    alone = [float(fbr_value(segmentor(seed=seed, dropout=0), batch(seed=seed))) for seed in (0, 1)]
    models, data = [segmentor(seed=seed, dropout=0) for seed in (0, 1)], [batch(seed=seed) for seed in (0, 1)]
    features = [model.extract_feat(pixels) for model, (pixels, _) in zip(models, data, strict=True)]
    together = []
    for seed, (model, feature, (_, samples)) in enumerate(zip(models, features, data, strict=True)):
        torch.manual_seed(seed)  # FBR's stream follows the initial seed
        together.append(float(model.decode_head.loss(feature, samples, None)['loss_fbr']))
    assert together == pytest.approx(alone, abs=1e-6)


def test_a_copy_of_a_model_is_a_pair_of_its_own():
    model = segmentor()
    fbr_value(model)
    twin = copy.deepcopy(model)
    assert fbr_of(twin)._neck[0] is twin.neck
    before = int(fbr_of(model).nroi.fill)
    fbr_value(twin)
    assert int(fbr_of(model).nroi.fill) == before < int(fbr_of(twin).nroi.fill)


def test_bind_pairs_by_hand():
    loss, neck = MODELS.build(fbr_loss()), FBRNeck(in_channels=8, channels=16)
    feature = torch.randn(2, 8, 8, 8)
    neck(feature)
    assert torch.isfinite(loss.bind(neck)(torch.randn(2, 4, 8, 8), torch.randint(0, 4, (2, 8, 8))))


def test_features_of_another_batch_are_refused():
    model = segmentor()
    features = model.extract_feat(batch()[0])
    with pytest.raises(RuntimeError, match='3 images and features of 2'):
        fbr_of(model)(torch.randn(3, 4, 32, 32), torch.zeros(3, 32, 32, dtype=torch.long))
    assert features is not None


def test_no_graph_outlives_the_step():
    model = segmentor()
    losses = model.loss(*batch())
    graph = weakref.ref(losses['decode.loss_fbr'])
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    del losses
    gc.collect()
    assert graph() is None and model.neck.feature is None
    assert not any(v.requires_grad for v in vars(fbr_of(model)).values() if isinstance(v, torch.Tensor))


def test_gradients_accumulate_over_steps():
    model = segmentor(w_fb=0.)  # without the bank the order of the batches does not matter
    for seed in (0, 1):
        fbr_value(model, batch(seed=seed)).backward()
    assert torch.isfinite(model.neck.phi_fg.weight.grad).all()


def test_warm_up_is_a_connected_zero_that_fills_nothing():
    model = segmentor(warmup_iters=2)
    values = [fbr_value(model) for _ in range(3)]
    assert [float(v) > 0 for v in values] == [False, False, True]
    values[0].backward()
    assert model.neck.phi_fg.weight.grad is not None
    assert int(fbr_of(model).nroi.fill) == int(fbr_of(segmentor()).nroi.fill) + 6 or int(fbr_of(model).nroi.fill) <= 6


def test_evaluation_mode_reads_the_bank_without_writing():
    model = segmentor()
    fbr_value(model)
    before = {k: v.clone() for k, v in fbr_of(model).state_dict().items()}
    model.eval()
    assert torch.isfinite(fbr_value(model))
    assert all(torch.equal(before[k], v) for k, v in fbr_of(model).state_dict().items())


def test_state_goes_with_the_model_and_draws_continue():
    straight, stopped = segmentor(dropout=0), segmentor(dropout=0)
    values = [float(fbr_value(straight, batch(seed=s))) for s in range(4)]
    for seed in range(2):
        fbr_value(stopped, batch(seed=seed))
    resumed = segmentor(seed=7, dropout=0)
    resumed.load_state_dict(stopped.state_dict())
    torch.manual_seed(0)
    rest = [float(fbr_value(resumed, batch(seed=s))) for s in (2, 3)]
    assert rest == values[2:]
    assert torch.equal(fbr_of(resumed).nroi.bits[:-1], fbr_of(straight).nroi.bits[:-1])


@pytest.mark.parametrize('iteration, kept', [(0, False), (40, True), (None, True)])
def test_load_from_starts_with_an_empty_bank_and_resume_with_the_saved_one(iteration, kept):
    source, model = segmentor(), segmentor()
    for seed in range(3):
        fbr_value(source, batch(seed=seed))
    fbr_value(model)
    one_step = int(fbr_of(model).nroi.fill)
    model.load_state_dict(source.state_dict())
    if iteration is not None:
        run_of(iter=iteration)
    fbr_value(model)
    saved = int(fbr_of(source).nroi.fill)
    assert int(fbr_of(model).nroi.fill) == (min(saved + one_step, 50) if kept else one_step)


@pytest.mark.parametrize('update_buffers', [False, True])
def test_an_average_of_weights_never_averages_the_bank(update_buffers):
    model = segmentor()
    average = ExponentialMovingAverage(model, momentum=0.3, update_buffers=update_buffers)
    for seed in range(4):
        fbr_value(model, batch(seed=seed))
        average.update_parameters(model)
    bank, copied = fbr_of(model).nroi, fbr_of(average.module).nroi
    rows = {row.numpy().tobytes() for row in bank.content[:int(bank.fill)]}
    assert all(row.numpy().tobytes() in rows for row in copied.content[:int(copied.fill)])
    if not update_buffers:
        assert torch.equal(copied.bits[:-1], bank.bits[:-1]) and copied.fill == bank.fill
    assert average.module.neck is fbr_of(average.module)._neck[0]


def test_autocast_keeps_the_contrast_in_float32():
    model, data = segmentor(), batch()
    with torch.autocast('cpu', torch.bfloat16):
        value = fbr_value(model, data)
    value.backward()
    assert value.dtype == torch.float32 and torch.isfinite(value)
    assert fbr_of(model).nroi.content.dtype == torch.float32


def test_banks_and_embeddings_of_different_lengths_are_named():
    model = segmentor(nroi=dict(channels=8))
    with pytest.raises(ValueError, match='16 channels, the bank is made for 8'):
        fbr_value(model)


@pytest.mark.parametrize('settings, text', [(dict(tau=0), 'tau must be positive'),
                                            (dict(w_fb=-1), 'w_fb must not be negative')])
def test_arguments_out_of_range(settings, text):
    with pytest.raises(ValueError, match=text):
        FBRLoss(**settings)


def test_types_resolve_with_and_without_prefix_from_any_scope():
    from mmengine.registry import DefaultScope
    for scope in ('mmengine', 'mmseg', 'mmdet'):
        with DefaultScope.overwrite_default_scope(scope):
            for name in ('FBRLoss', 'mmfbr.FBRLoss'):
                assert type(MODELS.build(fbr_loss() | dict(type=name))) is FBRLoss
                from mmengine.registry import MODELS as root
                assert type(root.build(fbr_loss() | dict(type=name))) is FBRLoss


def test_parts_are_pushed_once_per_logging_interval():
    model, hub = segmentor(log_interval=2), run_of(max_iters=8)
    for iteration in range(4):
        run_of(iter=iteration)
        fbr_value(model)
    pushed = {key: len(buffer.data[0]) for key, buffer in hub.log_scalars.items()}
    keys = {'fb', 'if', 'decouple', 'bg_seg', 'queries', 'bank_fill', 'sim_pos', 'sim_neg'}
    assert pushed == {f'train/fbr/{key}': 2 for key in keys}
    assert not any(np.isnan(buffer.data[0]).any() for buffer in hub.log_scalars.values())


def test_two_losses_of_a_model_are_told_apart_in_the_log():
    losses = [dict(type='mmseg.CrossEntropyLoss'), fbr_loss(log_interval=1), fbr_loss(log_interval=1, w_decouple=0.)]
    model, hub = segmentor(losses=losses), run_of(max_iters=8, iter=0)
    fbr_of(model).bind(model.neck)  # again, which makes no third one of it
    fbr_value(model)
    names = {key.removeprefix('train/') for key in hub.log_scalars}
    assert {'fbr/fb', 'fbr/decouple', 'fbr_2/fb'} <= names and 'fbr_2/decouple' not in names
    assert all(len(buffer.data[0]) == 1 for buffer in hub.log_scalars.values())


@pytest.mark.parametrize('text, interval', [
    ("logger=dict(interval=7, log_metric_by_epoch=False, type='LoggerHook'),\n param=dict(interval=3, type='X')", 7),
    ("checkpoint=dict(interval=3, type='CheckpointHook'), logger=dict(type='mmengine.LoggerHook')", 10), ('', 50),
    (None, 50)])
def test_logging_interval_is_the_runs(text, interval):
    assert _logging_interval(text) == interval


def test_a_background_that_is_not_called_so_is_warned_of_once():
    model = segmentor()
    run_of(dataset_meta=dict(classes=('wall', 'boat', 'cow', 'train')))
    with pytest.warns(UserWarning, match="bg_index=0 is the class 'wall'") as record:
        fbr_value(model)
        fbr_value(model)
    assert len([r for r in record if 'bg_index' in str(r.message)]) == 1


def test_a_background_beyond_the_classes_is_an_error():
    model = segmentor(bg_index=3)
    run_of(dataset_meta=dict(classes=('background', 'boat')))
    with pytest.raises(ValueError, match='bg_index=3, but the data set has 2 classes'):
        fbr_value(model)
