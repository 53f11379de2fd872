"""What is killed: trainings and tools on a small demo data set, each as its command line starts it."""
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from killing import run_tool
from trials import Subject, Training, training_state

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
LOSS = 'model.decode_head.loss_decode.1.'
MODEL = {'model.backbone.stem_channels': 8, 'model.backbone.base_channels': 8, 'model.decode_head.in_channels': 64}
SHORT = {**MODEL, 'train_dataloader.batch_size': 4, 'default_hooks.logger.interval': 1,
         'param_scheduler.0.end': 3, 'param_scheduler.1.begin': 3}
FBR = {'model.neck.in_channels': 64, f'{LOSS}warmup_iters': 3, f'{LOSS}nroi.capacity': 60}
ITERS = {**SHORT, **FBR, 'train_cfg.max_iters': 8, 'train_cfg.val_interval': 2, 'param_scheduler.1.end': 8,
         'default_hooks.checkpoint.interval': 2, 'default_hooks.checkpoint.max_keep_ckpts': 2}
EMA = """
_base_ = {base!r}
custom_hooks = [dict(type='StepSeedHook'), dict(type='EMAHook', momentum=0.3, begin_iter=1, update_buffers={buffers})]
"""
EPOCHS = """
_base_ = {base!r}
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=4, val_interval=1)
train_dataloader = dict(persistent_workers=False, num_workers={workers}, sampler=dict(_delete_=True,
    type='DefaultSampler', shuffle=True))
default_hooks = dict(checkpoint=dict(by_epoch=True, interval=1, max_keep_ckpts=2))
log_processor = dict(by_epoch=True)
"""


class World:
    """Makes, once and where they are asked for, the inputs of the subjects in ``folder``, and the subjects.

    Every trial of a subject runs in the same folder, so that paths in its files are the same.
    """

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.environment = dict(OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='-1', LOCAL_RANK='0', MPLBACKEND='agg',
                                DEMO_ROOT=str(self.folder / 'data'), PYTHONPATH=str(ROOT))

    def do(self, tool, *words):
        log = self.folder / 'said.log'
        ended = run_tool(TOOLS / tool, words, self.folder, self.environment, log)
        if ended.status:
            raise RuntimeError(f'{tool} fails:\n{log.read_text()[-2000:]}')

    def subject(self, name, tool, words, outputs, **settings):
        return Subject(name, TOOLS / tool, words, self.folder / 'now', self.environment, outputs, **settings)

    def training(self, name, options, text=None, **settings):
        assert self.data.is_dir()
        config = self.folder / f'{name}.py'
        if text:
            config.write_text(text)
        else:
            config = self.config()
        words = [config, '--work-dir', self.folder / 'now' / 'work', '--resume', *cfg_options(options)]
        return Training(name, TOOLS / 'train.py', words, self.folder / 'now', self.environment, **settings)

    @staticmethod
    def config(fbr=True):
        return str(ROOT / 'configs' / 'cam' / f'cam_resnet18_demo{"_fbr" if fbr else ""}.py')

    # Inputs

    @cached_property
    def data(self):
        self.do('prepare_data.py', 'demo', '--out', 'data', *DRAWN)
        return self.folder / 'data'

    def trained(self, fbr):
        """Work dir of a short training."""
        work = self.folder / ('fbr' if fbr else 'host')
        if not work.exists():
            options = {**SHORT, **(FBR if fbr else {}), 'train_cfg.max_iters': 4}
            assert self.data
            self.do('train.py', self.config(fbr), '--work-dir', work, *cfg_options(options))
        return work

    def cams(self, fbr=True):
        """Folder of CAM files of trainval and test."""
        folder = self.folder / ('fbr_cams' if fbr else 'host_cams')
        if not folder.exists():
            for name in ('trainval', 'test'):
                self.do('make_pseudo_masks.py', self.config(fbr), self.trained(fbr) / 'iter_4.pth', '--cam-dir', folder,
                        '--list', f'ImageSets/{name}.txt', *cfg_options({**MODEL, **(MODEL_FBR if fbr else {})}))
        return folder

    @cached_property
    def masks(self):
        self.do('make_pseudo_masks.py', *self.mask_words('none', 'masks'))
        return self.folder / 'masks'

    @cached_property
    def instances(self):
        self.do('make_instances.py', *self.instance_words('instances.json'))
        return self.folder / 'instances.json'

    def mask_words(self, refine, out, *more):
        return [self.config(), self.trained(True) / 'iter_4.pth', '--out', out, '--refine', refine, '--batch', 3,
                '--scales', 1, 0.5, *more, *cfg_options({**MODEL, **MODEL_FBR})]

    def instance_words(self, out, *more):
        return [self.masks, '--cams', self.cams(), '--data', self.data, '--out', out, '--list',
                'ImageSets/trainval.txt', *more]

    # Subjects

    def train_iterations(self):
        return self.training('train-iterations', ITERS)

    def train_epochs(self, workers=1):
        return self.training('train-epochs' if workers else 'train-epochs-alone', {**SHORT, **FBR, 'default_hooks.'
                             'checkpoint.max_keep_ckpts': 2}, EPOCHS.format(base=self.config(), workers=workers))

    def train_epochs_alone(self):
        return self.train_epochs(workers=0)

    def train_ema(self, buffers=False):
        return self.training('train-ema-buffers' if buffers else 'train-ema', ITERS,
                             EMA.format(base=self.config(), buffers=buffers))

    def train_ema_buffers(self):
        return self.train_ema(buffers=True)

    def checkpoint_writes(self):
        """Killed within the writes of checkpoints and pointer alone, of which there is one each step."""
        return self.training('checkpoint-writes', {
            **ITERS, 'train_cfg.max_iters': 6, 'default_hooks.checkpoint.interval': 1,
            'default_hooks.checkpoint.max_keep_ckpts': 1
        }, concerns=lambda name: '.pth' in name or 'last_checkpoint' in name, moments=False)

    def masks_none(self):
        return self.masks_by('none', '--cam-dir', 'cams')

    def masks_par(self):
        return self.masks_by('par', '--threshold-from', self.data / 'ImageSets' / 'val.txt',
                             self.data / 'SegmentationClass', '--refine-cfg', 'iterations=2')

    def masks_crf(self):
        return self.masks_by('crf', '--workers', 1)

    def masks_by(self, refine, *more):
        return self.subject(f'masks-{refine}', 'make_pseudo_masks.py', self.mask_words(refine, 'masks', *more),
                            ['masks/*', 'cams/*'], keeps=lambda name: name.endswith(('.png', '.npz', '.json')))

    def make_instances(self):
        words = self.instance_words('instances.json', '--sheet', 'sheet.png')
        return self.subject('instances', 'make_instances.py', words, ['*.json', '*.png'], before=OLD)

    def evaluate_masks(self):
        truth, classes = self.data / 'SegmentationClass', self.data / 'classes.txt'
        words = [self.cams(), truth, '--list', self.data / 'ImageSets' / 'trainval.txt', '--classes', classes,
                 '--sweep', '--curve', 'sheet.png', '--all-masks', self.data / 'SegmentationAll', '--all-classes',
                 self.data / 'classes_all.txt', '--json', 'instances.json']
        return self.subject('evaluation-masks', 'eval_masks.py', words, ['*.json', '*.png'], before=OLD)

    def evaluate_instances(self):
        truth = self.data / 'annotations' / 'instances_trainval.json'
        words = [self.instances, truth, '--json', 'instances.json', '--sheet', 'sheet.png', '--images',
                 self.data / 'JPEGImages']
        return self.subject('evaluation-instances', 'eval_instances.py', words, ['*.json', '*.png'], before=OLD)

    def test_model(self):
        words = [self.config(), self.trained(True) / 'iter_4.pth', '--work-dir', 'work', '--out', 'masks',
                 *cfg_options({**SHORT, **FBR})]
        return self.subject('evaluation-test', 'test.py', words, ['masks/*'])

    def draw_data(self):
        return self.subject('data-demo', 'prepare_data.py', ['demo', '--out', 'data', *DRAWN], ['data/**/*'],
                            keeps=self.whole_scene)

    def whole_scene(self, name):
        """The files of a scene are drawn together: finished are those of whole scenes."""
        files = (('Annotations', 'xml'), ('JPEGImages', 'jpg'), ('SegmentationAll', 'png'),
                 ('SegmentationClass', 'png'), ('SegmentationObject', 'png'))
        scene = Path(name).stem if any(name.startswith(f'data/{folder}/') for folder, _ in files) else None
        return scene is not None and all((self.folder / 'now' / 'data' / folder / f'{scene}.{ending}').exists()
                                         for folder, ending in files)

    def prepare_folder(self):
        """Photographs that are converted, with masks that are copied."""
        words = ['folder', '--images', self.photographs, '--labels', self.folder / 'labels.csv', '--masks',
                 self.data / 'SegmentationClass', '--classes', self.data / 'classes.txt', '--link', 'copy', '--out',
                 'data']
        return self.subject('data-folder', 'prepare_data.py', words, ['data/**/*'],
                            keeps=lambda name: name.endswith(('.jpg', '.png')))

    @cached_property
    def photographs(self):
        import json

        from PIL import Image
        folder = self.folder / 'photographs'
        folder.mkdir()
        labels = json.loads((self.data / 'image_labels.json').read_text())
        for number, name in enumerate(labels):
            with Image.open(self.data / 'JPEGImages' / f'{name}.jpg') as image:
                image.save(folder / f'{name}{(".jpg", ".png")[number % 2]}')
        (self.folder / 'labels.csv').write_text('image,labels\n' + ''.join(
            f'{name},{";".join(own)}\n' for name, own in labels.items()))
        return folder

    def write_report(self):
        runs = []
        for word, fbr in (('--host', False), ('--fbr', True)):
            runs += [word, self.config(fbr), self.trained(fbr) / 'iter_4.pth', self.trained(fbr), self.cams(fbr)]
        words = [*runs, '--choose-list', 'ImageSets/trainval.txt', '--score-list', 'ImageSets/test.txt', '--out',
                 'report.html', '--json', 'instances.json', '--images', 3, *cfg_options({**MODEL, **MODEL_FBR})]
        return self.subject('report', 'report.py', words, ['*.json', '*.html'], before={**OLD, 'report.html': b'old'})

    def demo(self):
        """`make demo`, killed alone: its trainings are processes of their own, and not to go on without it."""
        return Demo('demo', TOOLS / 'demo.py', ['--out', 'out', '--iters', 2, '--size', 64, '--images', 8, 4, 8],
                    self.folder / 'now', self.environment,
                    ['out/data/**/*', 'out/*/iter_2.pth', 'out/*_cam/*.npz', 'out/report.*'],
                    keeps=lambda name: name.endswith(('.npz', '.pth')), alone=True)

    def toy(self, broken):
        """A tool that breaks the promise ``broken``."""
        return Subject(f'toy: {broken}', Path(__file__).with_name('toy.py'), [broken], self.folder / 'now',
                       self.environment, ['out/*.json'], keeps=lambda name: True, moments=False)


class Demo(Subject):
    """Its checkpoints are compared by what they hold."""

    def content(self, path):
        return training_state(path) if path.suffix == '.pth' else super().content(path)


DRAWN = ('--size', 64, '--train', 10, '--val', 4, '--test', 6, '--background', 2)
MODEL_FBR = {'model.neck.in_channels': 64}
OLD = {'instances.json': b'old', 'sheet.png': b'old'}
SUBJECTS = {
    'train-iterations': World.train_iterations,
    'train-epochs': World.train_epochs,
    'train-epochs-alone': World.train_epochs_alone,
    'train-ema': World.train_ema,
    'train-ema-buffers': World.train_ema_buffers,
    'checkpoint-writes': World.checkpoint_writes,
    'masks-none': World.masks_none,
    'masks-par': World.masks_par,
    'masks-crf': World.masks_crf,
    'instances': World.make_instances,
    'evaluation-masks': World.evaluate_masks,
    'evaluation-instances': World.evaluate_instances,
    'evaluation-test': World.test_model,
    'data-demo': World.draw_data,
    'data-folder': World.prepare_folder,
    'report': World.write_report,
    'demo': World.demo,
}
# Parts of the kills, of those that take long or are much like others.
LESS = {'train-epochs-alone': 0.5, 'train-ema': 0.5, 'train-ema-buffers': 0.5, 'masks-par': 0.5, 'masks-crf': 0.25,
        'data-demo': 0.5, 'data-folder': 0.5, 'report': 0.5, 'demo': 0.2}
if find_spec('pydensecrf') is None:
    del SUBJECTS['masks-crf']
# What must be noticed, and a word of how it is said.
BROKEN = {'nothing': None, 'in place': 'neither finished', 'again': 'made again', 'differs': 'is different',
          'leaves': 'is left', 'loses': 'is missing', 'fails': 'status 3'}


def cfg_options(options):
    return ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]
