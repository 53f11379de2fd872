"""Time of making pseudo masks beside the bare forward passes of its network, on images drawn for it."""
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from mmengine.registry import MODELS, init_default_scope
from PIL import Image

from mmfbr.cam import PAR, CamSettings
from mmfbr.cam.pseudo_masks import MaskMaker
from mmfbr.cam.sources import image_label_dataset
from mmfbr.cam.work import groups_of, jobs_of
from mmfbr.files import write_json, write_text


def measure_masks(config, images=16, size=(333, 500), batch=4, repeats=3):
    """Seconds for ``images`` images: bare network, masks without refinement, masks by PAR; run in turns.

    Args:
        config (Config): with a CAM model, whose weights stay random, an ``ImageLabelDataset`` and ``cam_cfg``.
        size (tuple[int, int]): (height, width) of the images, JPEGs with one or two classes each.
        batch, repeats (int): images in one pass of the network; times are medians of so many.

    Returns:
        dict: ``seconds`` by name, ``ratio`` of the bare network's time to each of the others, and what was measured.
    """
    init_default_scope(config.get('default_scope', 'mmseg'))
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model, settings = MODELS.build(config.model).to(device).eval(), CamSettings(**config.get('cam_cfg', {}))
    with tempfile.TemporaryDirectory() as folder:
        dataset = _draw(config, Path(folder), images, size)
        run, numbers = 0, {'bare': [], 'none': [], 'par': []}
        inputs = [[torch.rand(len(group) * (1 + settings.flip), 3, *view, device=device)
                   for view in settings.views(*size)] for group in groups_of(jobs_of(dataset), settings, batch)]
        for _ in range(repeats + 1):  # the first warms up
            for name, seconds in numbers.items():
                run, start = run + 1, time.perf_counter()
                if name == 'bare':
                    _forward(model, inputs)
                else:
                    maker = MaskMaker(config, None, dataset, settings, PAR() if name == 'par' else None, model)
                    maker.write(groups_of(jobs_of(dataset, Path(folder, str(run))), settings, batch), 0.3)
                seconds.append(time.perf_counter() - start)
    seconds = {name: median(values[1:]) for name, values in numbers.items()}
    return {'seconds': seconds, 'ratio': {name: seconds['bare'] / seconds[name] for name in ('none', 'par')},
            'images': images, 'size': list(size), 'scales': list(settings.scales), 'flip': settings.flip,
            'batch': batch, 'device': device, 'threads': torch.get_num_threads(), 'repeats': repeats}


@torch.no_grad()
def _forward(model, inputs):
    for group in inputs:
        for view in group:
            model.decode_head(model.extract_feat(view))
    if inputs[0][0].is_cuda:
        torch.cuda.synchronize()


def _draw(config, folder, images, size):
    """The config's data set with ``images`` smooth pictures with noise in ``folder``."""
    rng, dataset, labels = np.random.default_rng(0), config.train_dataloader.dataset, {}
    names = [name for index, name in enumerate(dataset.metainfo.classes) if index != dataset.get('bg_index', 0)]
    for number in range(images):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize(size[::-1], Image.BICUBIC)
        pixels = np.clip(np.asarray(coarse) + rng.normal(0, 6, (*size, 3)), 0, 255).astype(np.uint8)
        (folder / 'images').mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / 'images' / f'{number}.jpg', quality=90)
        labels[str(number)] = [names[number % len(names)], names[number // 2 % len(names)]][:1 + number % 2]
    write_json(folder / 'labels.json', labels)
    write_text(folder / 'list.txt', '\n'.join(labels) + '\n')
    config = config.copy()
    config.merge_from_dict({f'train_dataloader.dataset.{key}': value for key, value in dict(
        data_root=str(folder), data_prefix=dict(img_path='images'), ann_file='list.txt',
        labels=dict(source='file', path='labels.json')).items()})
    return image_label_dataset(config)


def table(result):
    """The numbers for reading."""
    height, width = result['size']
    return '\n'.join([
        f"{result['images']} images of {height} x {width}, scales {result['scales']}, flip {result['flip']}, batch "
        f"{result['batch']}, {result['device']}, {result['threads']} threads, medians of {result['repeats']}",
        f"bare forward passes  {result['seconds']['bare']:8.2f} s",
        *(f"masks, refine {name}   {result['seconds'][name]:8.2f} s   speed {ratio:.2f} of the bare network's"
          for name, ratio in result['ratio'].items())])
