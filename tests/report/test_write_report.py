"""The whole report, on four small images, random weights and made-up CAM files and logs."""
import base64
import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image
from tool_modules import load_tool

from mmfbr.evaluation import evaluate
from mmfbr.files import InputError
from mmfbr.image_files import voc_palette, write_cam, write_mask
from mmfbr.registry import MODELS
from mmfbr.report import Run, write_report

EVIL = '<script>alert("x")</script>'
CLASSES = ['background', 'cow', EVIL]
IDS = [f'image&{number}' for number in range(4)]


def model_config(fbr):
    losses = [dict(type='MultiLabelSoftMarginLoss')]
    if fbr:
        losses.append(dict(type='FBRLoss', nroi=dict(num_clusters=3, capacity=50, channels=8)))
    return dict(
        type='CAMSegmentor',
        data_preprocessor=dict(type='CAMDataPreprocessor', mean=[120.] * 3, std=[60.] * 3, bgr_to_rgb=True),
        backbone=dict(type='mmseg.ResNet', depth=18, stem_channels=4, base_channels=4, strides=(1, 2, 1, 1),
                      out_indices=(3, ), norm_cfg=dict(type='BN')),
        neck=dict(type='FBRNeck', in_channels=32, in_index=0, channels=8) if fbr else None,
        decode_head=dict(type='CAMHead', in_channels=32, in_index=0, num_classes=3, loss_decode=losses),
        train_cfg=dict(), test_cfg=dict(mode='whole'))


def make_run(folder, name, fbr, data, rng):
    """A run with an untrained model, CAM files of noise around the truth, and a log that ends within a line."""
    dataset = dict(type='ImageLabelDataset', data_root=str(data), data_prefix=dict(img_path='JPEGImages'),
                   ann_file='train.txt', labels=dict(source='file', path='labels.json'),
                   metainfo=dict(classes=CLASSES, palette=[[0, 0, 0]] * 3))
    config = Config(dict(default_scope='mmseg', custom_imports=dict(imports=['mmfbr']), model=model_config(fbr),
                         train_dataloader=dict(dataset=dataset), cam_cfg=dict(scales=(1.0, ), flip=False)))
    config.dump(folder / f'{name}.py')
    init_default_scope('mmseg')
    torch.manual_seed(0)
    torch.save(MODELS.build(config.model).state_dict(), folder / f'{name}.pth')
    for image in IDS:
        mask = np.asarray(Image.open(data / 'SegmentationClass' / f'{image}.png'))
        present = [c for c in (1, 2) if (mask == c).any()]
        cam = [0.6 * (mask == c) + 0.4 * rng.random(mask.shape) for c in present]
        write_cam(folder / f'{name}_cam' / f'{image}.npz', cam, present)
    log = folder / name / '20260101_000000' / 'vis_data'
    log.mkdir(parents=True)
    row = {'loss': 1.0, 'decode.loss_cls': 0.5, 'step': 2, **({'fbr/fb': 4.0, 'fbr/if': 3.0} if fbr else {})}
    rows = row, {**row, 'step': 4, 'loss': float('nan')}
    (log / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)) + '\n{"lo')
    return Run(name, folder / f'{name}.py', folder / f'{name}.pth', folder / name, folder / f'{name}_cam')


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A data set of four images with stuff masks, and two runs on it."""
    folder, rng = tmp_path_factory.mktemp('report'), np.random.default_rng(0)
    data = folder / 'data'
    (data / 'JPEGImages').mkdir(parents=True)
    for number, image in enumerate(IDS):
        mask = np.zeros((32, 48), np.uint8)
        mask[8:24, 8:24] = 1 + number % 2
        Image.fromarray(rng.integers(0, 256, (32, 48, 3), np.uint8)).save(data / 'JPEGImages' / f'{image}.jpg')
        write_mask(data / 'SegmentationClass' / f'{image}.png', mask, voc_palette())
        write_mask(data / 'SegmentationAll' / f'{image}.png', mask, voc_palette())
    (data / 'labels.json').write_text(json.dumps({image: [CLASSES[1 + n % 2]] for n, image in enumerate(IDS)}))
    (data / 'co_occurrence.json').write_text(json.dumps({image: n < 2 for n, image in enumerate(IDS)}))
    (data / 'classes_all.txt').write_text('\n'.join(['grass', *CLASSES[1:]]))
    (data / 'train.txt').write_text('\n'.join(IDS))
    (data / 'test.txt').write_text('\n'.join(IDS[:3]))
    return folder, (make_run(folder, 'host', False, data, rng), make_run(folder, 'host + FBR', True, data, rng))


@pytest.fixture(scope='module')
def report(project):
    folder, runs = project
    return write_report(folder / 'out' / 'report.html', *runs, 'train.txt', 'test.txt', images=2,
                        json_path=folder / 'numbers.json', commands=['do <this>'])


class Page(HTMLParser):
    """Collects start tags with their attributes and all text, and checks that each element is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ('img', 'meta'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope='module')
def page(report):
    return Page(report.path.read_text(encoding='utf-8'))


def test_page_is_whole_and_in_order(page):
    assert not page.open
    text = ' '.join(page.text)
    words = ['A CAM network with and without FBR', 'Numbers', 'mean IoU, usual background (2 images)', 'on grass',
             'Training', 'fbr/if', 'Pictures', 'image&0', 'image&1', 'Where the numbers come from', 'do <this>', 'GPU']
    places = [text.find(word) for word in words]
    assert min(places) >= 0 and places == sorted(places)
    assert '3 images are in both lists' in text and 'nan' not in text


def test_page_refers_to_nothing_outside(report, page):
    assert not {'script', 'link', 'iframe', 'object', 'base', 'a'} & {tag for tag, _ in page.tags}
    policy = next(meta['content'] for meta in page.all('meta') if meta.get('http-equiv') == 'Content-Security-Policy')
    assert policy.startswith("default-src 'none'")
    for _, attributes in page.tags:
        assert not {key for key in attributes if key.startswith('on') or key in ('href', 'srcset', 'xlink:href')}
    assert not re.search(r'https?:|url\(|@import', report.path.read_text(encoding='utf-8'))


def test_pictures_decode_and_are_described(page):
    images = page.all('img')
    assert len(images) == 2 * 8 and len({image['alt'] for image in images}) == len(images)
    for image in images:
        kind, data = image['src'].split(';base64,')
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        assert kind in ('data:image/png', 'data:image/jpeg') and picture.size == (48, 32)
        picture.load()
        assert (image.get('class') == 'crisp') == (picture.format == 'PNG')
    assert all(svg.get('role') == 'img' or svg.get('aria-hidden') for svg in page.all('svg'))


def test_names_are_escaped(report):
    text = report.path.read_text(encoding='utf-8')
    assert '<script' not in text and '&lt;script&gt;' in text and 'image&amp;0' in text and 'do &lt;this&gt;' in text


def test_numbers(report, project):
    folder, runs = project
    numbers = json.loads((folder / 'numbers.json').read_text())
    host, fbr = numbers['runs']
    assert [host['name'], fbr['name']] == ['host', 'host + FBR'] and numbers['images_in_both_lists'] == 3
    assert host['chosen']['images'] == 4 and host['scored']['images'] == 3
    again = evaluate(runs[0].cam_dir, folder / 'data' / 'SegmentationClass', IDS[:3], CLASSES,
                     threshold=host['chosen']['sweep']['best_threshold'])
    assert host['scored']['mean_iou'] == again.scores.mean_iou
    first, second = report.table.splitlines()[:2]
    assert first.split() == ['3', 'images', '(%)', 'host', 'host', '+', 'FBR', 'change']
    assert second.split()[2] == f'{100 * again.scores.mean_iou:.2f}'
    change = 100 * (fbr['scored']['mean_iou'] - host['scored']['mean_iou'])
    assert float(second.split()[-1]) == pytest.approx(change, abs=0.006)


def test_without_stuff_kinds_of_background_and_images(project, tmp_path):
    _, runs = project
    report = write_report(tmp_path / 'plain.html', *runs, 'train.txt', 'test.txt', images=0, all_classes='none.txt',
                          usual='none.json')
    text = report.path.read_text(encoding='utf-8')
    assert 'co-occurrence' not in text and 'usual background' not in text and '<img' not in text
    assert 'share of' not in report.table


@pytest.mark.parametrize('changed, arguments, named', [
    ({}, {'images': -1}, 'is -1; it must be 0 or more'),
    ({}, {'choose_list': 'none.txt'}, 'none.txt does not exist'),
    ({}, {'mask_dir': 'none'}, 'The folder of ground truth masks .*none does not exist'),
    ({}, {'options': {'train_dataloader.dataset.data_root': 'nowhere'}}, 'nowhere'),
    ({'config': 'none.py'}, {}, "The config of 'host', none.py does not exist"),
    ({'checkpoint': 'none.pth'}, {}, "The checkpoint of 'host', none.pth does not exist"),
    ({'work_dir': '.'}, {}, 'holds no DATE/vis_data/scalars.json'),
    ({'cam_dir': '.'}, {}, '4 of 4 images have no CAM file'),
])
def test_what_is_missing_is_named(project, tmp_path, monkeypatch, changed, arguments, named):
    monkeypatch.chdir(tmp_path)
    host, fbr = project[1]
    settings = dict(choose_list='train.txt', score_list='test.txt', images=1)
    with pytest.raises(InputError, match=named):
        write_report('report.html', replace(host, **changed), fbr, **{**settings, **arguments})
    assert not list(tmp_path.iterdir())


def test_runs_on_other_classes(project):
    host, fbr = project[1]
    config = Config.fromfile(host.config)
    config.train_dataloader.dataset.metainfo.classes = ['background', 'cow']
    with pytest.raises(InputError, match='Compare runs on the same data'):
        write_report('report.html', replace(host, config=config), fbr, 'train.txt', 'test.txt')


def test_fbr_of_another_map(project):
    host, fbr = project[1]
    config = Config.fromfile(fbr.config)
    config.model.neck.in_index = 7
    with pytest.raises(InputError, match='FBRNeck has no map to embed: in_index=7, but there are'):
        write_report('report.html', host, replace(fbr, config=config), 'train.txt', 'test.txt', images=1)


def test_fbr_run_without_fbr(project):
    host = project[1][0]
    with pytest.raises(InputError, match='FBRNeck'):
        write_report('report.html', host, host, 'train.txt', 'test.txt', images=1)


def arguments(run):
    return [str(value) for value in (run.config, run.checkpoint, run.work_dir, run.cam_dir)]


def test_command_line(project, tmp_path, monkeypatch, capsys):
    tool = load_tool('report')
    host, fbr = project[1]
    line = ['report.py', '--host', *arguments(host), '--fbr', *arguments(fbr), '--choose-list', 'train.txt', '--images',
            '1', '--out', str(tmp_path / 'page.html')]
    monkeypatch.setattr(sys, 'argv', [*line, '--score-list', 'test.txt'])
    tool.main()
    assert 'mean IoU' in capsys.readouterr().out and 'python report.py --host' in (tmp_path / 'page.html').read_text()
    monkeypatch.setattr(sys, 'argv', [*line, '--score-list', 'none.txt'])
    with pytest.raises(SystemExit) as stop:
        tool.main()
    assert stop.value.code == 2 and 'none.txt does not exist' in capsys.readouterr().err
