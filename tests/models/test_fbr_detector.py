"""`FBRDetector`: it is its base, adds two losses in training, and says in words what does not fit."""
import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
import tiny_detectors
import torch
from mmdet.models.detectors import MaskRCNN
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from tiny_detectors import batch, detector, sample
from torch import nn
from torch.nn import functional as F

from mmfbr.benchmark.detector import base_model
from mmfbr.core import NROIBank
from mmfbr.files import InputError
from mmfbr.models import FBRDetector
from mmfbr.models.fbr_branch import FBRBranch, shrunk
from mmfbr.models.fbr_detector import count_classes

pytestmark = pytest.mark.filterwarnings('ignore')
TWO = [sample([[0, 0, 16, 16], [8, 8, 40, 28]], [0, 2]), sample([[4, 4, 28, 28]], [1])]


@pytest.fixture(autouse=True)
def fresh_hub(request):
    MessageHub.get_instance(request.node.nodeid)


@pytest.fixture(scope='module')
def read(tmp_path_factory):
    """Settings of the small model: a function of the changes."""
    config = tiny_detectors.config(tmp_path_factory.mktemp('config'))

    def changed(**changes):
        made = copy.deepcopy(config)
        made.merge_from_dict({f'model.{key.replace("__", ".")}': value for key, value in changes.items()})
        return made.model
    return changed


def losses(model, samples=TWO, seed=1):
    torch.manual_seed(seed)
    return model(**model.data_preprocessor(batch(copy.deepcopy(samples)), True), mode='loss')


def total(model, found):
    return model.parse_losses(found)[0]


def test_lines_of_the_contract(tmp_path):
    """The snippet as it stands, at full size; nothing is downloaded."""
    (tmp_path / 'contract.py').write_text(tiny_detectors.CONTRACT)
    settings = Config.fromfile(tmp_path / 'contract.py').model
    settings.backbone.init_cfg = None
    init_default_scope('mmdet')
    model = MODELS.build(settings)
    assert isinstance(model, MaskRCNN) and isinstance(model, FBRDetector)
    assert model.fbr.num_classes == 80 and model.fbr.classifier.out_channels == 81 and model.fbr.loss.bg_index == 80
    own = {key for key in model.state_dict() if key.startswith('fbr.')}
    assert set(model.state_dict()) - own == set(MODELS.build(base_model(settings)).state_dict())
    assert {'fbr.phi_fg.weight', 'fbr.phi_bg.weight', 'fbr.phi_seg.conv.weight', 'fbr.classifier.weight',
            'fbr.loss.nroi.bits', 'fbr.loss.steps'} < own


def test_it_is_the_base_but_for_two_losses(read):
    host, model = detector(base_model(read())), detector(read())
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in host.state_dict().items())
    assert torch.equal(torch.get_rng_state(), (detector(read()), torch.get_rng_state())[1])
    expected, after = losses(host), torch.get_rng_state()
    found = losses(model)
    assert torch.equal(after, torch.get_rng_state())
    assert list(found) == [*expected, 'loss_fbr', 'loss_fbr_pixel']
    for key, value in expected.items():
        assert all(map(torch.equal, *(v if isinstance(v, list) else [v] for v in (value, found[key]))))
    assert found['loss_fbr'] > 0 and found['loss_fbr_pixel'] > 0


def test_the_names_resolve_from_any_scope(read):
    for scope, kind, base in (('mmdet', 'FBRDetector', 'mmdet.MaskRCNN'), ('mmseg', 'mmfbr.FBRDetector', 'MaskRCNN'),
                              ('mmengine', 'FBRDetector', 'mmdet.MaskRCNN')):
        init_default_scope(scope)
        model = MODELS.build({**read(), 'type': kind, 'base': base})
        assert type(model) is type(detector(read())) and repr(model).startswith('FBRMaskRCNN(')
        assert DefaultScope.get_current_instance().scope_name == 'mmdet'  # of the detector just made
    assert model.base_class is MaskRCNN


def test_copies_are_whole_and_keep_their_own_pair(read):
    model = detector(read())
    total(model, losses(model)).backward()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(twin) is type(model) and twin.fbr.loss.bound is twin.fbr is not model.fbr
        assert all(torch.equal(value, model.state_dict()[key]) for key, value in twin.state_dict().items())
        assert losses(twin)['loss_fbr'] > 0 and model.fbr.step < twin.fbr.step


def test_nothing_holds_the_features_after_the_step(read):
    model, seen = detector(read()), []
    model.neck.register_forward_hook(lambda *args: seen.extend(map(weakref.ref, args[2])))
    found = losses(model)
    assert seen[0]() is not None  # in the graph
    total(model, found).backward()
    del found
    gc.collect()
    assert all(feature() is None for feature in seen)
    model.eval().test_step(batch(copy.deepcopy(TWO)))
    gc.collect()
    assert all(feature() is None for feature in seen) and model.fbr.feature is None and model.fbr.step == 1


def test_a_step_that_fails_leaves_nothing_behind(read, monkeypatch):
    model = detector(read())
    with monkeypatch.context() as patch:
        patch.setattr(model.rpn_head, 'loss_and_predict', lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            losses(model)
    assert model._maps is None and losses(model)['loss_fbr'] > 0


@pytest.mark.parametrize('supervision', ['mask', 'box'])
@pytest.mark.parametrize('loss', [dict(), dict(warmup_iters=5), dict(w_if=0, w_fb=0, w_decouple=0, w_bg_seg=0),
                                  dict(loss_weight=0)])
@pytest.mark.parametrize('samples', [TWO, [sample([], []), sample([], [])]], ids=['instances', 'none'])
def test_every_parameter_takes_part_in_every_step(read, supervision, loss, samples):
    branch = detector(read(fbr__supervision=supervision, fbr__loss={**read().fbr.loss, **loss})).fbr
    feature = torch.randn(2, 8, 8, 12, requires_grad=True)
    from mmfbr.models.instance_labels import instances_of
    found = branch.losses(feature * 1, [instances_of(made, 3) for made in samples], (32, 48))
    assert all(torch.isfinite(value) for value in found.values()) and found['loss_fbr_pixel'] > 0
    assert (found['loss_fbr'] == 0) == bool(loss)
    sum(found.values()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in branch.parameters())


def test_images_without_instances_train_and_contrast_nothing(read):
    model = detector(read(fbr__loss={**read().fbr.loss, 'w_decouple': 0, 'w_bg_seg': 0}))
    found = losses(model, [sample([], []), sample([], [])])
    assert found['loss_fbr'] == 0
    total(model, found).backward()
    assert all(p.grad is not None for p in model.fbr.parameters()) and model.fbr.loss.nroi.fill > 0


def test_a_batch_of_crowds_alone_gives_zeros(read):
    model = detector(read())
    found = losses(model, [sample([], [], ignored=[[0, 0, 48, 32]])] * 2)
    assert found['loss_fbr'] == 0 and found['loss_fbr_pixel'] == 0
    total(model, found).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.fbr.parameters())


def test_empty_masks_and_zero_boxes_train(read):
    odd = sample([[8, 8, 8, 8], [0, 0, 16, 16]], [0, 1], BitmapMasks(np.zeros((2, 32, 48), np.uint8), 32, 48))
    for supervision in ('mask', 'box'):
        model = detector(read(fbr__supervision=supervision))
        found = losses(model, [odd, TWO[1]])  # the base's own loss of a box of no size is infinite
        own = found['loss_fbr'] + found['loss_fbr_pixel']
        own.backward()
        assert torch.isfinite(own) and all(torch.isfinite(p.grad).all() for p in model.fbr.parameters())


def test_pixel_loss_is_the_mean_cross_entropy_of_the_labelled_cells(read):
    model, seen = detector(read(fbr__pixel_weight=3.0)), []
    model.neck.register_forward_hook(lambda *args: seen.append(args[2][0]))
    found = losses(model)['loss_fbr_pixel']
    labels = torch.full((2, 8, 16), 3)
    labels[..., 12:] = -1  # the preprocessor pads to 64 columns
    labels[0, 2:7, 2:10], labels[0, :4, :4], labels[1, 1:7, 1:7] = 2, 0, 1
    expected = F.cross_entropy(model.fbr.classifier(seen[0]), labels, ignore_index=-1)
    torch.testing.assert_close(found, 3 * expected)


def test_queries_never_come_from_background_or_unknown_cells(read, monkeypatch):
    model, views = detector(read()), []
    monkeypatch.setattr(model.fbr.loss.sampler, 'plan', lambda z, view, *args, plan=model.fbr.loss.sampler.plan: (
        views.append((view, plan(z, view, *args))), views[-1][1])[1])
    losses(model, [sample([[0, 0, 16, 16]], [0], ignored=[[8, 0, 48, 32]]), TWO[1]])
    view, plan = views[0]
    assert len(plan.queries) and not view.valid[0, :, 4:].any()
    assert set(plan.classes.tolist()) <= {0, 1} and view.valid.flatten()[plan.queries].all()


def test_a_map_of_many_cells_is_averaged():
    feature = torch.arange(2 * 7 * 9.).view(1, 2, 7, 9)
    assert shrunk(feature, (28, 36), 63)[0] is feature
    smaller, plane = shrunk(feature, (28, 36), 20)
    assert smaller.shape == (1, 2, 4, 5) and plane == (32, 40)
    assert smaller[0, 0, 0, 0] == feature[0, 0, :2, :2].mean() and smaller[0, 0, 3, 4] == feature[0, 0, 6, 8]


def test_labels_of_an_averaged_map_lie_where_its_cells_do(read):
    model, seen = detector(read(fbr__max_cells=32)), []
    model.fbr.loss.sampler.plan = lambda z, view, *args, plan=model.fbr.loss.sampler.plan: (
        seen.append(view), plan(z, view, *args))[1]
    losses(model)
    assert seen[0].labels[1, :, :6].tolist() == 3 * [[1, 1, 1, 3, 3, 3]] + [[3] * 6]
    assert seen[0].valid[..., :6].all() and not seen[0].valid[..., 6:].any()


# What the config may say

@pytest.mark.parametrize(('changes', 'words'), [
    (dict(base='MaskRCN'), "model.base: 'MaskRCN' is no name in the registry of mmdet.*'MaskRCNN'"),
    (dict(base='mmdet.FPN'), "model.base: 'mmdet.FPN' is no detector"),
    (dict(base=None), 'model.base is missing.*supervision'),
    (dict(fbr=None), 'model.fbr is missing.*fbr=dict'),
    (dict(fbr__supervision=None), "model.fbr.supervision is missing: set it to 'mask'.*'box'.*never guessed"),
    (dict(fbr__supervision='masks'), "model.fbr.supervision is 'masks'"),
    (dict(fbr__in_channels=9), 'model.fbr.in_channels is 9, but the maps of model.neck have 8 channels. Set it to 8'),
    (dict(fbr__in_index=5), 'model.fbr.in_index is 5, but model.neck has 5 outputs.*from 0 to 4'),
    (dict(fbr__num_classes=4), r'model.roi_head.bbox_head.num_classes is 3; .*model.fbr.num_classes is 4'),
    (dict(roi_head__mask_head__num_classes=5), 'bbox_head.num_classes is 3; model.roi_head.mask_head.num_classes is 5'),
    (dict(fbr__loss__bg_index=0), 'model.fbr.loss.bg_index is 0.*is the class 3'),
    (dict(fbr__in_channel=8), 'model.fbr has no setting in_channel'),
    (dict(fbr__cam_threshold=1.5), 'model.fbr.cam_threshold is 1.5; it must be at least 0 and at most 1'),
    (dict(fbr__max_cells=0), 'model.fbr.max_cells is 0; it must be at least 1'),
])
def test_settings_that_do_not_fit_are_named(read, changes, words):
    with pytest.raises(InputError, match=words):
        detector(read(**changes))


def test_missing_channels_are_named(read):
    settings = read()
    del settings.fbr.in_channels
    with pytest.raises(InputError, match='model.fbr.in_channels is missing'):
        detector(settings)


def test_map_that_only_the_first_step_shows(read):
    settings = read(fbr__in_channels=16)
    del settings['neck']
    settings.update(rpn_head={**settings.rpn_head, 'in_channels': 16})
    model = detector(settings)
    with pytest.raises(InputError, match=r'model.fbr: the map of in_index=0 has 4 channels.*\[4, 8, 16, 32\].*Correct'):
        losses(model)


def test_labels_beyond_the_detectors_classes_are_named(read):
    with pytest.raises(InputError, match='images/7.jpg has the label 3, and the detector has 3 classes'):
        losses(detector(read()), [sample([[0, 0, 8, 8]], [3]), TWO[1]])


def test_a_loss_of_the_same_name_is_refused(read, monkeypatch):
    model = detector(read())
    monkeypatch.setattr(model.roi_head, 'loss', lambda *args: {'loss_fbr': torch.ones(())})
    with pytest.raises(InputError, match="a loss named 'loss_fbr' already.*loss_name"):
        losses(model)


def test_a_base_with_a_part_of_our_name_is_refused(read):
    class Taken(MaskRCNN):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.fbr = nn.Identity()
    with pytest.raises(InputError, match="has a part named 'fbr'"):
        detector(read(base=Taken))


def test_a_base_that_computes_its_features_elsewhere_is_refused(read):
    class Other(MaskRCNN):
        def loss(self, *args):
            return {}
    with pytest.raises(InputError, match='Other computes its features 0 times by extract_feat'):
        losses(detector(read(base=Other)))


def test_masks_that_a_preprocessor_draws_from_boxes_are_refused(read):
    pytest.importorskip('skimage', reason="BoxInst's preprocessor needs scikit-image (requirements/dev.txt)")
    settings = read(data_preprocessor__type='BoxInstDataPreprocessor')
    with pytest.raises(InputError, match="supervision is 'mask', but .*BoxInstDataPreprocessor.*Set it to 'box'"):
        detector(settings)
    assert detector({**settings, 'fbr': {**settings.fbr, 'supervision': 'box'}})


@pytest.mark.parametrize(('heads', 'expected'), [
    (dict(panoptic_head=dict(num_things_classes=7, num_classes=11)), 7),
    (dict(bbox_head=dict(num_classes=7), mask_head=dict()), 7),
    (dict(mask_head=dict(num_classes=7)), 7),
])
def test_classes_of_the_heads(heads, expected):
    model = nn.Module()
    for name, attributes in heads.items():
        head = nn.Module()
        head.__dict__.update(attributes)
        setattr(model, name, head)
    assert count_classes(model) == expected
    with pytest.raises(InputError, match='model.fbr.num_classes is missing'):
        count_classes(nn.Module())
    assert count_classes(nn.Module(), 5) == 5


def test_initialisation_leaves_fbr_and_its_stream_alone(read):
    model = detector(read())
    before, state = copy.deepcopy(model.fbr.state_dict()), torch.get_rng_state()
    branch = FBRBranch(8, 3, 'mask', channels=16, loss=dict(nroi=dict(capacity=9, channels=16)))
    assert torch.equal(state, torch.get_rng_state()) and isinstance(branch.loss.nroi, NROIBank)
    model._is_init = False
    model.init_weights()
    assert all(torch.equal(value, model.fbr.state_dict()[key]) for key, value in before.items())
    assert list(model._modules)[-1] == 'fbr'
