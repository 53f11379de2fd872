"""Miniature archives in the official formats: VOC's tar, SBD's tgz of .mat files, COCO's zips."""
import io
import json
import os
import signal
import tarfile
import zipfile

import numpy as np
from PIL import Image
from pycocotools import mask as coco
from scipy.io import savemat

from mmfbr.data_prep.voc12 import CLASSES
from mmfbr.image_files import voc_palette

# VOC: train a, b; val c. SBD: train a, d; val c, e. So train_aug is a, b, d, e, and aug is d, e.
VOC_LISTS = dict(train=['a', 'b'], val=['c'], trainval=['a', 'b', 'c'])
SBD_LISTS = dict(train=['a', 'd'], val=['c', 'e'])
IMAGES = 'abcde'
SIZE = 24, 16  # width, height


def jpeg(size=SIZE, seed=0, quality=90):
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, 'JPEG', quality=quality)
    return stream.getvalue()


def png(mask, mode='P'):
    image, stream = Image.fromarray(np.asarray(mask, np.uint8)), io.BytesIO()
    if mode != 'L':
        image.putpalette([value for colour in voc_palette() for value in colour])
    image.convert(mode).save(stream, 'PNG')
    return stream.getvalue()


def voc_mask(image):
    """A bordered box of a class that depends on the image."""
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[3:12, 4:14] = 255
    mask[4:11, 5:13] = 1 + IMAGES.index(image)
    return mask


def voc_objects(image):
    """Two objects side by side in the box, inside the same border."""
    objects = voc_mask(image)
    objects[4:11, 5:9], objects[4:11, 9:13] = 1, 2
    return objects


def sbd_mask(image):
    mask = voc_mask(image)
    mask[mask == 255] = mask.max(initial=0, where=mask < 255)
    return mask


def mat(mask):
    """The layout of SBD: a struct GTcls with Boundaries, Segmentation and CategoriesPresent."""
    stream = io.BytesIO()
    boundaries = np.empty((20, 1), object)
    boundaries[:] = [[np.zeros((2, 2))]] * 20
    present = np.unique(mask[mask > 0])[:, None]
    savemat(stream, {'GTcls': {'Boundaries': boundaries, 'Segmentation': mask, 'CategoriesPresent': present}},
            do_compression=True)
    return stream.getvalue()


def instance_mat(objects, categories):
    """The layout of SBD's `inst`: a struct GTinst with Segmentation, Boundaries and the category of each instance."""
    stream, boundaries = io.BytesIO(), np.empty((len(categories), 1), object)
    for index in range(len(categories)):
        boundaries[index, 0] = np.zeros((2, 2))
    savemat(stream, {'GTinst': {'Segmentation': objects, 'Boundaries': boundaries,
                                'Categories': np.array(categories, np.uint8)[:, None]}}, do_compression=True)
    return stream.getvalue()


def xml(names):
    box = '<bndbox><xmin>5</xmin><ymin>4</ymin><xmax>14.0</xmax><ymax>12</ymax></bndbox>'
    objects = ''.join(f'<object><name>{name}</name><difficult>{index % 2}</difficult><part><name>head</name></part>'
                      f'{box}</object>' for index, name in enumerate(names))
    return f'<annotation><filename>x.jpg</filename>{objects}</annotation>'.encode()


def voc_files():
    """{name below VOCdevkit/VOC2012: bytes}; 'a' has boxes of every class, so that each has a training image."""
    names = dict.fromkeys(IMAGES, ())
    names = {image: [CLASSES[1 + IMAGES.index(image)]] * 2 for image in names}
    names['a'] = CLASSES[1:]
    files = {f'Annotations/{image}.xml': xml(names[image]) for image in IMAGES}
    files |= {f'ImageSets/Segmentation/{name}.txt': ''.join(f'{image}\n' for image in listed).encode()
              for name, listed in VOC_LISTS.items()}
    files['ImageSets/Main/cow_train.txt'] = b'a -1\n'
    files |= {f'JPEGImages/{image}.jpg': jpeg(seed=index) for index, image in enumerate(IMAGES)}
    for image in VOC_LISTS['trainval']:
        files[f'SegmentationClass/{image}.png'] = png(voc_mask(image))
        files[f'SegmentationObject/{image}.png'] = png(voc_objects(image))
    return files


def sbd_files():
    """{name below benchmark_RELEASE/dataset: bytes}."""
    ids = sorted({*SBD_LISTS['train'], *SBD_LISTS['val']})
    files = {f'cls/{image}.mat': mat(sbd_mask(image)) for image in ids}
    files |= {f'inst/{image}.mat': instance_mat(np.where(voc_objects(image) == 255, 0, voc_objects(image)),
                                                [1 + IMAGES.index(image), 20]) for image in ids}
    files |= {f'img/{image}.jpg': jpeg() for image in ids}
    files |= {f'{name}.txt': ''.join(f'{image}\n' for image in listed).encode() for name, listed in SBD_LISTS.items()}
    return files


def write_tar(path, files, anchor):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w:gz' if path.suffix == '.tgz' else 'w') as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f'{anchor}/{name}')
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_zip(path, files, anchor):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f'{anchor}/', '')
        for name, data in files.items():
            archive.writestr(f'{anchor}/{name}', data)
    return path


def write_folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_voc(folder, voc=None, sbd=None):
    write_tar(folder / 'VOCtrainval_11-May-2012.tar', voc or voc_files(), 'VOCdevkit/VOC2012')
    write_tar(folder / 'benchmark.tgz', sbd or sbd_files(), 'benchmark_RELEASE/dataset')
    return folder


# COCO: 80 categories with gaps in their ids, as the official ones have.
CATEGORIES = [dict(id=identity, name=f'thing {identity}', supercategory='thing')
              for identity in range(1, 91) if identity % 9]
assert len(CATEGORIES) == 80


def rectangle(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


def runs(mask, compressed):
    """Run lengths, column by column: COCO's list of counts, or pycocotools' bytes as text."""
    packed = coco.encode(np.asfortranarray(mask, np.uint8))
    if compressed:
        return dict(size=list(mask.shape), counts=packed['counts'].decode())
    flat, counts, value = mask.flatten(order='F'), [], 0
    while len(flat):
        length = int(np.argmax(flat != value)) if (flat != value).any() else len(flat)
        counts.append(length)
        flat, value = flat[length:], 1 - value
    return dict(size=list(mask.shape), counts=counts)


def coco_image(number, split):
    width, height = SIZE
    return dict(id=number, file_name=f'COCO_{split}2014_{number:012d}.jpg', width=width, height=height)


def coco_content(split, annotations, images=3, first=None):
    first = first or dict(train=1, val=101)[split]
    return dict(info=dict(year=2014, description='miniature'),
                images=[coco_image(first + number, split) for number in range(images)],
                licenses=[dict(id=1, name='none')], annotations=annotations, categories=CATEGORIES[::-1])


def annotation(identity, image, category, segmentation, crowd=0):
    return dict(id=identity, image_id=image, category_id=category, iscrowd=crowd, segmentation=segmentation, area=1.0,
                bbox=[0, 0, 1, 1])


def coco_annotations(split):
    """Of image 1 (101) a small thing on a large one, a crowd, run lengths; of 2 (102) every category; of 3 none."""
    first = dict(train=1, val=101)[split]
    crowd = np.zeros(SIZE[::-1], bool)
    crowd[6:12, 2:20] = True
    patch = np.zeros(SIZE[::-1], bool)
    patch[0:2, 20:24] = True
    found = [annotation(1, first, 3, [rectangle(6, 4, 8, 6)]),
             annotation(2, first, 1, [rectangle(4, 2, 12, 10), rectangle(14, 2, 16, 4)]),
             annotation(3, first, 82, runs(crowd, False), crowd=1),
             annotation(4, first, 2, runs(patch, True)),
             annotation(5, first, 4, [[1, 1, 2, 2]])]
    return found + [annotation(10 + index, first + 1, category['id'], [rectangle(0, 0, 2, 2)])
                    for index, category in enumerate(CATEGORIES)]


def coco_images(split, images=3):
    first = dict(train=1, val=101)[split]
    return {coco_image(first + number, split)['file_name']: jpeg(seed=number) for number in range(images)}


def write_coco(folder, **contents):
    contents = {split: coco_content(split, coco_annotations(split)) for split in ('train', 'val')} | contents
    files = {f'instances_{split}2014.json': json.dumps(content) for split, content in contents.items()}
    write_zip(folder / 'annotations_trainval2014.zip', {**files, 'captions_train2014.json': '{}'}, 'annotations')
    for split in ('train', 'val'):
        write_zip(folder / f'{split}2014.zip', coco_images(split), f'{split}2014')
    return folder


def content(folder):
    """{path: bytes} of what a user sees of a prepared folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob('*'))
            if path.is_file() and path.name != '.prepare.lock'}


def killed(prepare, renames):
    """Runs ``prepare`` in a process that is killed (-9) instead of giving its file number ``renames`` its name."""
    child = os.fork()
    if child == 0:
        replace, done = os.replace, []

        def replace_or_die(*args):
            done.append(args)
            if len(done) == renames:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*args)

        os.replace = replace_or_die
        try:
            prepare()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def stopped_and_restarted(prepare, out, whole, renames):
    """Kills ``prepare(out)`` at a file, runs it again, compares with ``whole``, the content of an undisturbed run."""
    assert killed(lambda: prepare(out), renames)
    left = {name: data for name, data in content(out).items() if not name.endswith('.part')}
    assert all(whole[name] == data for name, data in left.items())  # nothing half
    heavy = ('JPEGImages', 'SegmentationClass')
    before = {name: (out / name).stat().st_mtime_ns for name in left if name.startswith(heavy)}
    prepare(out)
    assert content(out) == whole  # nothing lost, no temporary file
    assert before == {name: (out / name).stat().st_mtime_ns for name in before}  # nothing redone
