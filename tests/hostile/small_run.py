"""The smallest training of a CAM network."""
import json
from types import SimpleNamespace

import official_archives as official

from mmfbr.engine import train
from mmfbr.files import write_json


def small_run(folder):
    """A run of one iteration, of the images a and b: ``train(...)``, its ``config`` file, its ``data`` folder, the
    ``checkpoint`` that it will leave."""
    images, ids = folder / 'data' / 'images', ('a', 'b')
    images.mkdir(parents=True)
    for name in ids:
        (images / f'{name}.jpg').write_bytes(official.jpeg())
    (folder / 'data' / 'list.txt').write_text('\n'.join(ids))
    write_json(folder / 'data' / 'labels.json', {name: ['cow', 'boat'] for name in ids})
    classes, colours = ['background', 'cow', 'boat'], [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    dataset = dict(
        type='ImageLabelDataset', data_root=str(folder / 'data'), ann_file='list.txt',
        data_prefix=dict(img_path='images'), labels=dict(source='file', path='labels.json'),
        metainfo=dict(classes=classes, palette=colours),
        pipeline=[dict(type='LoadCheckedImage'), dict(type='PackImageLabelInputs')])
    model = dict(
        type='CAMSegmentor', data_preprocessor=dict(type='CAMDataPreprocessor', size_divisor=16),
        backbone=dict(type='ResNet', depth=18, stem_channels=4, base_channels=2, out_indices=[3]),
        decode_head=dict(type='CAMHead', in_channels=16, in_index=0, num_classes=len(classes)))
    settings = dict(
        default_scope='mmseg', custom_imports=dict(imports=['mmfbr']), work_dir=str(folder / 'work'), model=model,
        train_dataloader=dict(batch_size=2, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=False),
                              dataset=dataset),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=1), cam_cfg=dict(scales=[1.0], flip=False),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01)),
        default_hooks=dict(checkpoint=dict(type='AtomicCheckpointHook', interval=1, by_epoch=False)), visualizer=None)
    config = folder / 'config.json'
    config.write_text(json.dumps(settings))
    return SimpleNamespace(config=config, checkpoint=folder / 'work' / 'iter_1.pth', data=folder / 'data',
                           train=lambda **options: train(str(config), **options))
