"""Writes the demo data set in VOC layout: whole files only, continued where an earlier run stopped."""
import json
import xml.etree.ElementTree as xml
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from ..files import InputError, atomic_path, clear_parts, read_json, write_json, write_text
from ..image_files import voc_palette, write_mask
from .scenes import CLASSES, CLASSES_ALL, SPLITS, cast, draw

GENERATOR = 1  # to be raised whenever a scene comes out different, so that no data set mixes two generators
SIZES = range(64, 1025)
SETTINGS = 'demo.json'
PALETTE = voc_palette()
MASKS = dict(SegmentationClass='semantic', SegmentationAll='everything', SegmentationObject='instances')  # of a Scene
INSTANCES = {name: f'annotations/instances_{name}.json' for name in ('train', 'val', 'trainval', 'test')}
FOLDERS = {**dict.fromkeys(MASKS, 'png'), 'Annotations': 'xml', 'JPEGImages': 'jpg'}


def write_demo(out, size=128, seed=0, train=240, val=40, test=120, background=16, mixed=False,
               overwrite=False, progress=iter):
    """Writes the demo data set to the folder ``out``.

    The same arguments give the same bytes, as long as numpy and Pillow stay the same. Finished images of an interrupted
    run are kept; the lists and labels come last, so that a data set with lists is a whole one.

    Args:
        size: side of the square images in pixels.
        train, val, test: number of images of each split.
        background: number of images without a thing, listed apart from the splits.
        mixed: half of the training scenes, too, have their things away from their own background, as in the test split.
        overwrite: draw everything again, in place of a demo data set of other settings.
        progress: wraps the list of images still to be drawn, say to print how far it is.

    Returns:
        The number of images drawn; 0 when the data set was there already.

    Raises:
        InputError: a size, seed or count is out of range, or ``out`` holds other settings or anything else.
    """
    out, counts = Path(out), dict(zip(SPLITS, (train, val, test, background), strict=True))
    settings = dict(generator=GENERATOR, size=size, seed=seed, mixed=mixed, counts=counts)
    _check(settings)
    _claim(out, settings, overwrite)
    scenes = {(split, index): _paths(out, split, index) for split in SPLITS for index in range(counts[split])}
    lists = _lists(scenes, mixed)
    clear_parts([*(path for paths in scenes.values() for path in paths.values()),
                 *(out / name for name in (SETTINGS, *lists))])
    missing = [scene for scene, paths in scenes.items() if not all(path.exists() for path in paths.values())]
    for split, index in progress(missing):
        _write_scene(scenes[split, index], draw(seed, split, index, size, mixed))
    for name, text in lists.items():
        if missing or not (out / name).exists():
            write_text(out / name, text)
    _write_instances(out, redo=bool(missing))
    return len(missing)


def _write_instances(out, redo):
    """The things of each list as COCO files; without pycocotools there are none."""
    if find_spec('pycocotools') is None:
        return
    from ..instances import TrueInstances, make_instances  # when asked for: its imports are many
    for name in INSTANCES:
        path, listed = out / INSTANCES[name], out / 'ImageSets' / f'{name}.txt'
        if listed.stat().st_size and (redo or not path.exists()):
            source = TrueInstances(CLASSES, out / 'SegmentationClass', out / 'SegmentationObject')
            make_instances(path, source, out / 'JPEGImages', CLASSES, listed, info=dict(description='true instances'))


def _check(settings):
    if settings['size'] not in SIZES:
        raise InputError(f'The size is {settings["size"]}; it must be from {SIZES[0]} to {SIZES[-1]} pixels.')
    if settings['seed'] < 0:
        raise InputError(f'The seed is {settings["seed"]}; it must be 0 or more.')
    for split, count in settings['counts'].items():
        if count < 0:
            raise InputError(f'The number of {split} images is {count}; it must be 0 or more.')
    if not any(settings['counts'].values()):
        raise InputError('All numbers of images are 0; at least one image must be asked for.')


def _claim(out, settings, overwrite):
    """Makes ``out`` a folder that holds these settings and no image of others; the settings are written first."""
    if out.exists() and not out.is_dir():
        raise InputError(f'{out} is a file; choose a folder.')
    found = None
    if (out / SETTINGS).exists() and not overwrite:
        found = read_json(out / SETTINGS, 'The settings of the demo data set')
        if found != settings:
            raise InputError(f'{out} holds a demo data set of other settings ({json.dumps(found)}); '
                             'choose another folder, or pass --overwrite to replace it.')
    elif out.exists() and not overwrite and any(not path.name.startswith('.') for path in out.iterdir()):
        raise InputError(f'{out} holds other files; choose another folder, or pass --overwrite to write among them.')
    if overwrite:
        _clear(out)
    if found is None:
        write_json(out / SETTINGS, settings)


def _clear(out):
    """Removes what a demo data set of any settings consists of, and nothing else; its lists go first."""
    for name in (*_lists([]), *INSTANCES.values()):
        (out / name).unlink(missing_ok=True)
    for folder, suffix in FOLDERS.items():
        for split in SPLITS:
            for path in (out / folder).glob(f'{split}_[0-9][0-9][0-9][0-9]*.{suffix}'):
                path.unlink()


def _id(split, index):
    return f'{split}_{index:04d}'


def _paths(out, split, index):
    return {folder: out / folder / f'{_id(split, index)}.{suffix}' for folder, suffix in FOLDERS.items()}


def _write_scene(paths, scene):
    for folder, name in MASKS.items():
        write_mask(paths[folder], getattr(scene, name), PALETTE)
    write_text(paths['Annotations'], _boxes(paths['JPEGImages'].name, scene))
    with atomic_path(paths['JPEGImages']) as temporary:
        Image.fromarray(scene.image).save(temporary, format='JPEG', quality=92)


def _boxes(filename, scene):
    """The annotation of PASCAL VOC; its boxes count pixels from 1 and include both ends."""
    high, wide = scene.instances.shape
    root = xml.Element('annotation')
    source = dict(database='mmfbr demo', annotation='mmfbr demo', image='drawn')
    _fill(root, folder='demo', filename=filename, source=source, size=dict(width=wide, height=high, depth=3),
          segmented=1)
    for number, name in enumerate(scene.things, 1):
        rows, columns = np.nonzero(scene.instances == number)
        box = dict(xmin=columns.min() + 1, ymin=rows.min() + 1, xmax=columns.max() + 1, ymax=rows.max() + 1)
        cut = box['xmin'] == 1 or box['ymin'] == 1 or box['xmax'] == wide or box['ymax'] == high
        thing = xml.SubElement(root, 'object')
        _fill(thing, name=name, pose='Unspecified', truncated=int(cut), difficult=0, bndbox=box)
    xml.indent(root, '\t')
    return xml.tostring(root, encoding='unicode') + '\n'


def _fill(element, **content):
    for tag, value in content.items():
        child = xml.SubElement(element, tag)
        if isinstance(value, dict):
            _fill(child, **value)
        else:
            child.text = str(value)


def _lists(scenes, mixed=False):
    """{path below the data set's folder: text} of the files that speak of the data set as a whole."""
    ids = {split: [_id(*scene) for scene in scenes if scene[0] == split] for split in SPLITS}
    labels, on_own = {}, {}
    for scene in scenes:
        things, at_home = cast(*scene, mixed)
        labels[_id(*scene)] = sorted(set(things), key=CLASSES.index)
        if things:
            on_own[_id(*scene)] = at_home
    listed = dict(train=ids['train'], val=ids['val'], trainval=ids['train'] + ids['val'], test=ids['test'],
                  background_only=ids['background'])
    return {
        'classes.txt': _lines(CLASSES),
        'classes_all.txt': _lines(CLASSES_ALL),
        'image_labels.json': json.dumps(labels, indent=1) + '\n',
        'co_occurrence.json': json.dumps(on_own, indent=1) + '\n',
        **{f'ImageSets/{name}.txt': _lines(names) for name, names in listed.items()},
    }


def _lines(names):
    return ''.join(f'{name}\n' for name in names)
