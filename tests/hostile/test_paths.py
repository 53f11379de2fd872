"""Nothing is written or removed outside of the folder of the output; names that lead out of it are refused by name."""
import io
import shutil
import tarfile
import zipfile
from contextlib import contextmanager
from types import SimpleNamespace

import official_archives as official
import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from small_run import small_run
from tool_modules import load_tool

from mmfbr.cam import make_pseudo_masks
from mmfbr.data_prep import prepare_coco14, prepare_folder, prepare_voc12
from mmfbr.evaluation.instance_files import read_truth
from mmfbr.files import InputError, write_json
from mmfbr.hooks import AtomicCheckpointHook
from mmfbr.image_files import write_cam

# Each but the last three is the file x beside the folder of the data, seen from a folder in it.
ESCAPES = ('../../x', 'a/../../../x', './a/.././../../x', '{root}/x', '..\\..\\x', 'C:\\x', 'a\0b')


@pytest.fixture(params=ESCAPES)
def escape(request, tmp_path):
    return request.param.replace('{root}', str(tmp_path))


@pytest.fixture
def outside(tmp_path):
    """``with outside(out):`` asserts that only ``out``, somewhere below the test's folder, has changed."""
    @contextmanager
    def unchanged(out):
        before = everything(tmp_path, out)
        yield
        assert everything(tmp_path, out) == before
    return unchanged


def everything(root, but):
    return {path: path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
            for path in root.rglob('*') if path != but and but not in path.parents and path not in but.parents}


@contextmanager
def refused(name):
    """The block ends with an InputError that shows ``name``."""
    with pytest.raises(InputError) as error:
        yield
    shown = str(error.value)
    assert name in shown or repr(name) in shown


# Lists of images

@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    run = small_run(tmp_path_factory.mktemp('trained'))
    run.train()
    return run.checkpoint


@pytest.fixture
def run(trained, tmp_path):
    """A trained network with its data, and images and labels there also for names that lead out."""
    run = small_run(tmp_path)
    names = ['a', 'b', *(name.replace('{root}', str(tmp_path)) for name in ESCAPES)]
    write_json(run.data / 'labels.json', dict.fromkeys(names, ['cow', 'boat']))
    (run.data / 'images' / 'a').mkdir()
    (tmp_path / 'x.jpg').write_bytes(official.jpeg())
    run.checkpoint.parent.mkdir()
    shutil.copy(trained, run.checkpoint)
    return run


def make(run, out):
    return make_pseudo_masks(Config.fromfile(run.config), run.checkpoint, out, 'other.txt', cam_dir=out / 'cams')


def test_pseudo_masks(run, escape, outside, tmp_path):
    out = tmp_path / 'made' / 'masks'
    (run.data / 'other.txt').write_text(f'a\n{escape}\n')
    with outside(out), refused(escape):
        make(run, out)
    assert not out.exists()


def test_pseudo_masks_of_names_that_stay(run, outside, tmp_path):
    out = tmp_path / 'made' / 'masks'
    (run.data / 'other.txt').write_text('a\nb\n')
    with outside(out):
        assert make(run, out) == (2, 0)


@pytest.mark.parametrize(('tool', 'line'), [('make_instances', '{0} --cams {0} --out made.json --images {0}'),
                                            ('eval_masks', '{0} {0} --json made.json')])
def test_lists_of_tools(tool, line, escape, outside, tmp_path, monkeypatch, capsys):
    folder = tmp_path / 'data' / 'images'
    (folder / 'a').mkdir(parents=True)
    monkeypatch.chdir(folder)
    (folder / 'list.txt').write_text(f'{escape}\n')
    (folder / 'classes.txt').write_text('\n'.join(f'c{index}' for index in range(21)))
    (tmp_path / 'x.jpg').write_bytes(official.jpeg())
    (tmp_path / 'x.png').write_bytes(official.png(official.voc_mask('a')))
    write_cam(tmp_path / 'x.npz', [[[0.5] * 24] * 16], [1])
    with outside(folder / 'none'):
        assert load_tool(tool).main([*line.format(folder).split(), '--list', 'list.txt', '--classes',
                                     'classes.txt']) == 2
    said = capsys.readouterr().err
    assert 'The image list' in said and repr(escape) in said


# Tables of labels

@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / 'data' / 'photos'
    folder.mkdir(parents=True)
    for path in [*(folder / f'p{number}.jpg' for number in range(4)), tmp_path / 'x.jpg']:
        path.write_bytes(official.jpeg())
    return folder


@pytest.fixture
def prepare(photos, outside, tmp_path):
    """``prepare(name, labels)`` makes the data set and must refuse the name."""
    def refuse(name, labels, **options):
        table, out = photos.parent / 'labels.json', tmp_path / 'made' / 'set'
        write_json(table, labels)
        with outside(out), refused(name):
            prepare_folder(out, photos, table, **options)
    return refuse


LABELS = {f'p{number}': ['cow'] for number in range(4)}


def test_tables_of_labels(prepare, escape):
    prepare(escape, {**LABELS, escape: ['cow']})


def test_lists_of_a_split(prepare, escape, tmp_path):
    (tmp_path / 'train.txt').write_text(f'p0\n{escape}\n')
    prepare(escape, LABELS, train_list=tmp_path / 'train.txt')


def test_names_of_photographs(prepare, photos):
    (photos / 'two\nlines.jpg').write_bytes(official.jpeg())
    prepare('two\nlines', {**LABELS, 'two\nlines': ['cow']})


def test_classes_that_a_config_would_fill_in(prepare):
    prepare('{{ cow }}', dict.fromkeys(LABELS, ['{{ cow }}']))


# COCO files

def test_coco_files(escape, outside, tmp_path):
    content = official.coco_content('train', official.coco_annotations('train'))
    content['images'][0]['file_name'] = f'{escape}.jpg'
    source, out = official.write_coco(tmp_path / 'data' / 'source', train=content), tmp_path / 'made' / 'set'
    with outside(out), refused(f'{escape}.jpg'):
        prepare_coco14(out, source)
    write_json(tmp_path / 'truth.json', content)
    with refused(f'{escape}.jpg'):
        read_truth(tmp_path / 'truth.json')


# Archives

LEADING_OUT = ('JPEGImages/../../../../../x.jpg', 'JPEGImages/../x.jpg', 'JPEGImages/a\\..\\x.jpg')
HARMLESS = ('../../x.jpg', '/x.jpg', '../VOCdevkit/VOC2012/JPEGImages/y.jpg', '/VOCdevkit/VOC2012/JPEGImages/z.jpg')


def add(archive, name, data=b'', kind=tarfile.REGTYPE, target=''):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, target
    archive.addfile(info, io.BytesIO(data))


@pytest.fixture
def archives(tmp_path):
    return official.write_voc(tmp_path / 'data' / 'source')


@pytest.mark.parametrize('name', LEADING_OUT)
def test_members_of_a_tar(name, archives, outside, tmp_path):
    out = tmp_path / 'made' / 'set'
    official.write_voc(archives, voc={**official.voc_files(), name: official.jpeg()})
    with outside(out), refused(name):
        prepare_voc12(out, archives)


def test_members_and_links_of_a_tar_that_lead_nowhere(archives, outside, tmp_path):
    out, folder = tmp_path / 'made' / 'set', 'VOCdevkit/VOC2012/JPEGImages'
    secret = tmp_path / 'secret.jpg'
    secret.write_bytes(b'secret')
    with tarfile.open(archives / 'VOCtrainval_11-May-2012.tar', 'a') as archive:
        for name in HARMLESS:
            add(archive, name, official.jpeg())
        add(archive, f'{folder}/out', kind=tarfile.SYMTYPE, target='../../..')
        add(archive, f'{folder}/out/x.jpg', official.jpeg())  # written through it
        add(archive, f'{folder}/soft.jpg', kind=tarfile.SYMTYPE, target=str(secret))
        add(archive, f'{folder}/hard.jpg', kind=tarfile.LNKTYPE, target=str(secret))
    with outside(out):
        prepare_voc12(out, archives)
    assert not [path for path in out.rglob('*') if path.is_symlink()]
    made = {path.relative_to(out / 'JPEGImages').as_posix() for path in (out / 'JPEGImages').rglob('*.jpg')}
    assert made == {*(f'{image}.jpg' for image in official.IMAGES), 'y.jpg', 'z.jpg', 'out/x.jpg'}


def test_members_of_a_zip(outside, tmp_path):
    source, out = official.write_coco(tmp_path / 'data' / 'source'), tmp_path / 'made' / 'set'
    with zipfile.ZipFile(source / 'train2014.zip', 'a') as archive:
        archive.writestr('train2014/../../../x.jpg', official.jpeg())
    with outside(out), refused('../../../x.jpg'):
        prepare_coco14(out, source)


@pytest.mark.parametrize(('archive', 'name'), [('voc', 'ImageSets/Segmentation/train.txt'), ('sbd', 'train.txt')])
def test_lists_in_archives(archive, name, escape, outside, tmp_path):
    files = dict(voc=official.voc_files(), sbd=official.sbd_files())
    files[archive][name] = f'a\n{escape}\n'.encode()
    source, out = official.write_voc(tmp_path / 'data' / 'source', **files), tmp_path / 'made' / 'set'
    with outside(out), refused(escape):
        prepare_voc12(out, source)


# Checkpoints

def test_a_resumed_checkpoint_has_no_other_files_removed(outside, tmp_path):
    work = tmp_path / 'made' / 'work'
    (work / 'iter_').mkdir(parents=True)
    for name in ('best.pth', 'x.pth'):
        (tmp_path / name).write_bytes(b'mine')
    hub = MessageHub.get_instance('hostile_paths')
    hub.update_info('best_ckpt', str(tmp_path / 'best.pth'))
    hub.update_info('best_score', 0.0)
    hub.update_info('keep_ckpt_ids', ['/../../../x', 1, 2])
    runner = SimpleNamespace(work_dir=str(work), message_hub=hub, logger=MMLogger.get_instance('hostile_paths'), iter=3,
                             epoch=0, save_checkpoint=lambda *args, **kwargs: None)
    hook = AtomicCheckpointHook(by_epoch=False, interval=1, max_keep_ckpts=1, save_best='mIoU', rule='greater')
    with outside(work):
        hook.before_train(runner)
        hook._save_best_checkpoint(runner, dict(mIoU=1.0))
    assert hook.best_ckpt_path == str(work / 'best_mIoU_iter_3.pth')
