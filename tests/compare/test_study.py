"""Study files: what they say, what is refused, and that every shipped study's variants can be built and trained."""
import json
from pathlib import Path

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.registry import MODELS, init_default_scope
from tiny_models import batch

from mmfbr.compare import read_study
from mmfbr.compare.run import Run, differing
from mmfbr.files import InputError

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / 'configs' / 'studies').glob('*.py'))
# Hosts take other batches (saliency, sure pixels), which their own tests give them.
SHIPPED = [(path, name) for path in STUDIES if path.stem != 'msrc_hosts' for name in read_study(path).variants]
BASIC = dict(config='cam_resnet18_demo', host='host', seeds=[0, 1], choose_on='ImageSets/val.txt',
             variants=dict(host={}, fbr=dict(config='cam_resnet18_demo_fbr')))


def written(folder, **changes):
    path = folder / 'study.json'
    path.write_text(json.dumps({key: value for key, value in {**BASIC, **changes}.items() if value is not None}))
    return path


def test_what_a_file_says(tmp_path):
    variants = dict(host={}, fbr=dict(config='cam_resnet18_demo_fbr', options={'a.b': 3}, iterations=5),
                    other=dict(against='fbr'))
    study = read_study(written(tmp_path, options={'a.b': 1, 'c': 2}, iterations=9, hold_out=['x/test.txt'],
                               variants=variants))
    assert study.name == 'study' and study.seeds == (0, 1) and [*study.variants] == ['host', 'fbr', 'other']
    host, fbr, other = study.variants.values()
    assert host.config.name == 'cam_resnet18_demo.py' and fbr.config.name == 'cam_resnet18_demo_fbr.py'
    assert host.options == {'a.b': 1, 'c': 2} and fbr.options == {'a.b': 3, 'c': 2}
    assert (host.iterations, fbr.iterations) == (9, 5)
    assert (host.against, fbr.against, other.against) == ('host', 'host', 'fbr')
    assert study.lists(False) == ('ImageSets/val.txt',)
    assert study.lists(True) == ('ImageSets/val.txt', 'x/test.txt')
    assert study.thresholds[0] == 0 and study.thresholds[-1] == 0.9 and len(study.thresholds) == 91


def test_config_beside_the_study_comes_before_a_shipped_one(tmp_path):
    (tmp_path / 'cam_resnet18_demo').write_text('')
    assert read_study(written(tmp_path)).variants['host'].config == tmp_path / 'cam_resnet18_demo'


@pytest.mark.parametrize('changes, says', [
    (dict(seeds=None), 'lacks seeds'),
    (dict(variants={}), 'lacks variants'),
    (dict(seeds=[]), r'seeds must be one or more different integers; they are \[\]'),
    (dict(seeds=[1, 1]), 'seeds must be one or more different integers'),
    (dict(hold_outs=[]), 'has no setting hold_outs. Is it hold_out?'),
    (dict(variants=dict(host=dict(option={}))), 'has no setting variants.host.option. Is it options?'),
    (dict(config='none.py'), 'the config none.py of variants.host is neither a file'),
    (dict(host='hst'), "host is compared with 'hst', which is none of the variants"),
    (dict(variants={'host': {}, 'a/b': {}}), "the variant name 'a/b' cannot be the name of a folder"),
    (dict(hold_out=['ImageSets/val.txt']), 'a list of hold_out is also in choose_on'),
    (dict(report_on=['other/val.txt']), 'two lists of images have the same file name'),
    (dict(folds=3, hold_out=['test.txt']), 'folds .* leave report_on and hold_out out'),
    (dict(folds=1), 'folds'),
    (dict(hold_out='test.txt'), 'choose_on is one list of images, report_on and hold_out are lists of them'),
    (dict(choose_on=['val.txt']), 'choose_on is one list of images'),
    (dict(iterations=0), 'iterations of variants.host must be at least 1; they are 0'),
    (dict(thresholds=[0.5, 0.1]), 'thresholds must be ascending'),
    (dict(all_masks='SegmentationAll', all_classes=None), None),
])
def test_mistakes_are_named(tmp_path, changes, says):
    if says is None:  # None is the JSON file's null only when it is written
        path = tmp_path / 'study.json'
        path.write_text(json.dumps({**BASIC, **changes}))
        says = 'all_masks and all_classes belong together'
    else:
        path = written(tmp_path, **changes)
    with pytest.raises(InputError, match=says):
        read_study(path)


def test_options_that_do_not_fit_the_config_are_named(tmp_path):
    study = read_study(written(tmp_path, variants=dict(host=dict(options={'param_scheduler.7.end': 3}))))
    with pytest.raises(InputError, match='The options of the variant host do not fit its config'):
        _ = Run(study, study.variants['host'], 0, tmp_path).config


def test_config_of_a_run(tmp_path):
    study = read_study(written(tmp_path, iterations=32, variants=dict(
        host={}, fbr=dict(config='cam_resnet18_demo_fbr', options={'model.decode_head.loss_decode.1.tau': 0.3}))))
    config = Run(study, study.variants['fbr'], 4, tmp_path).config
    assert config.randomness.seed == 4 and config.train_cfg.max_iters == 32
    assert config.model.decode_head.loss_decode[1].tau == 0.3
    assert config.model.decode_head.loss_decode[1].warmup_iters == 8  # a quarter, as in the whole schedule
    assert config.custom_hooks[-1].type == 'PairingHook' and config.custom_hooks[0].type == 'StepSeedHook'
    other = Run(study, study.variants['host'], 4, tmp_path).config
    assert differing(other.to_dict(), config.to_dict()) == ['model.decode_head.loss_decode', 'model.neck']


# The shipped studies

def test_studies_choose_on_trainval_alone_and_hold_test_out():
    for path in STUDIES:
        study = read_study(path)
        assert {*study.lists(False)} <= {'ImageSets/trainval.txt', 'ImageSets/val.txt'}
        assert study.hold_out in ((), ('ImageSets/test.txt',))
    assert [path.stem for path in STUDIES] == ['msrc_ablation', 'msrc_effect', 'msrc_host', 'msrc_hosts']


@pytest.mark.parametrize('path, name', SHIPPED, ids=[f'{path.stem}-{name}' for path, name in SHIPPED])
def test_variant_of_a_shipped_study_trains_a_step(path, name, tmp_path, request):
    MessageHub.get_instance(request.node.nodeid)
    init_default_scope('mmseg')
    study = read_study(path)
    config = Run(study, study.variants[name], 0, tmp_path).config
    for loss in config.model.decode_head.get('loss_decode') or []:
        if loss.type == 'FBRLoss':
            loss.update(warmup_iters=0, nroi={**loss.nroi, 'capacity': min(loss.nroi.get('capacity', 500), 500),
                                              'warmup': 0})
        if loss.type == 'NROIMapLoss':
            loss.update(warmup_iters=0)
    torch.manual_seed(0)
    model = MODELS.build(config.model).train()
    with torch.no_grad():
        model.decode_head.classifier.weight.mul_(100)  # maps that stand out from the background
    present = torch.zeros(2, 16, dtype=torch.bool)
    present[0, [0, 3]] = present[1, [0, 7]] = True
    losses = model.loss(*batch(size=64, num_classes=16, present=present))
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    assert all(value.isfinite() for value in losses.values())
    is_host = name.startswith('host') or path.stem == 'msrc_host'
    assert ('decode.loss_fbr' in losses) != is_host
    if not is_host:
        own = losses['decode.loss_fbr'] + losses.get('decode.loss_nroi_map', 0)
        assert own > 0 and model.neck.phi_bg.weight.grad is not None


def test_hosts_are_compared_with_their_twins_on_the_same_lines(tmp_path):
    study = read_study(ROOT / 'configs' / 'studies' / 'msrc_hosts.py')
    for name, variant in study.variants.items():
        config = Run(study, variant, 0, tmp_path).config
        with_fbr = [loss for loss in config.model.decode_head.get('loss_decode', []) if loss.type == 'FBRLoss']
        assert bool(with_fbr) == ('_fbr' in name)
        assert variant.against == (name.partition('_fbr')[0] if with_fbr else 'eps' if 'tau' in name else 'host')
