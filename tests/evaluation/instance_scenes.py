"""Random scenes of instances with imperfect predictions of them, as COCO files."""
import json

import numpy as np
from pycocotools import mask as coco

SIZE = 40, 60  # height, width
CATEGORIES = [dict(id=3, name='cow'), dict(id=7, name='car'), dict(id=9, name='never there')]


def runs(mask):
    encoded = coco.encode(np.asfortranarray(mask, np.uint8))
    return dict(size=list(encoded['size']), counts=encoded['counts'].decode())


def ellipse(random, centre=None):
    rows, columns = np.ogrid[:SIZE[0], :SIZE[1]]
    y, x = random.uniform((0, 0), SIZE) if centre is None else centre
    return ((rows - y) / random.uniform(3, 12)) ** 2 + ((columns - x) / random.uniform(3, 15)) ** 2 <= 1


def annotation(identity, image, category, mask, **more):
    packed = runs(mask)
    encoded = {**packed, 'counts': packed['counts'].encode()}
    return dict(id=identity, image_id=image, category_id=category, segmentation=packed, area=int(coco.area(encoded)),
                bbox=coco.toBbox(encoded).tolist(), iscrowd=0) | more


def scene(seed, overlapping, crowds, images=6):
    """(annotation file, result list): a prediction is a ground truth moved by some pixels, or a piece of scenery."""
    random, truths, results = np.random.default_rng(seed), [], []
    for image in range(1, images + 1):
        masks, taken = [], np.zeros(SIZE, bool)
        for _ in range(random.integers(0, 6) if image > 1 else 4):
            mask = ellipse(random, random.uniform((16, 24), (24, 36)) if overlapping else None)
            if not overlapping:
                mask &= ~taken
            taken |= mask
            if mask.any():
                masks.append((int(random.choice([3, 7])), mask))
        for number, (category, mask) in enumerate(masks):
            crowd = int(crowds and random.random() < 0.3)
            truths.append(annotation(100 * image + number, image, category, mask, iscrowd=crowd))
            for _ in range(random.integers(0, 4)):
                moved = np.roll(mask, random.integers(-3, 4, 2), (0, 1))
                moved &= random.random(SIZE) < random.uniform(0.7, 1)
                if moved.any():
                    results.append((image, category, moved))
        results += [(image, int(random.choice([3, 7])), ellipse(random, SIZE // np.array([2, 3]))) for _ in range(2)]
    # Rounded scores, so that some are equal.
    results = [dict(image_id=image, category_id=category, segmentation=runs(mask), score=round(random.random(), 2))
               for image, category, mask in results]
    content = dict(images=[dict(id=image, file_name=f'{image:03d}.jpg', height=SIZE[0], width=SIZE[1])
                           for image in range(1, images + 1)], annotations=truths, categories=CATEGORIES)
    return content, results


def write(folder, truth, results):
    paths = folder / 'truth.json', folder / 'results.json'
    for path, content in zip(paths, (truth, results), strict=True):
        path.write_text(json.dumps(content))
    return paths


def coco_results(truth, results, shift):
    """The result list as an annotation file whose ids are moved by ``shift``, in another order of categories."""
    content = json.loads(truth.read_text())
    categories = {entry['id']: index + shift for index, entry in enumerate(reversed(content['categories']))}
    content['categories'] = [dict(id=categories[entry['id']], name=entry['name']) for entry in content['categories']]
    content['images'] = [{**image, 'id': image['id'] + shift, 'file_name': f'folder/{image["file_name"]}'}
                         for image in content['images']]
    content['annotations'] = [
        {**entry, 'id': number, 'image_id': entry['image_id'] + shift, 'category_id': categories[entry['category_id']]}
        for number, entry in enumerate(json.loads(results.read_text()), 1)]
    path = results.with_name('annotated.json')
    path.write_text(json.dumps(content))
    return path
