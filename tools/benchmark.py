"""Prints what FBR costs a training step: by stage, against the straightforward implementation and the bare products."""
import argparse
from pathlib import Path

import torch

from mmfbr import benchmark
from mmfbr.benchmark.measure import Workload, measure
from mmfbr.engine.memory import keep_memory
from mmfbr.files import write_json

RESNET50 = Path(benchmark.__file__).with_name('resnet50_step.py')


def parse_args():
    default, parser = Workload(), argparse.ArgumentParser(description=__doc__)
    for name, meaning in (('images', 'images of a batch'), ('channels', 'channels of the encoder'),
                          ('classes', 'classes, the background among them'), ('queries', 'queries to aim at'),
                          ('negatives', 'negatives of a query'), ('bank', 'entries of the bank, which is full')):
        parser.add_argument(f'--{name}', type=int, default=getattr(default, name), help=f'{meaning} (%(default)s)')
    parser.add_argument('--pixels', type=lambda text: None if text == 'all' else int(text), default=default.pixels,
                        help="FBRLoss's max_pixels; all: every one, as in the paper (%(default)s)")
    parser.add_argument('--cap', type=int, default=default.cap, help='queries contrasted at most (%(default)s)')
    parser.add_argument('--size', type=int, nargs='+', help=f'side of the feature map ({default.size}); for --detector '
                        'and --train height and width of the images (800 1333; 512 512), for --walk of the image (500 '
                        '500)')
    parser.add_argument('--device', default=default.device, help='where to run (%(default)s)')
    parser.add_argument('--repeats', type=int, default=5, help='times are medians of so many (%(default)s)')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads(), help='CPU threads (%(default)s)')
    parser.add_argument('--json', type=Path, help='also write the numbers to this file')
    parser.add_argument('--masks', metavar='CONFIG', help='measure instead what making pseudo masks with this model '
                        'costs beside its bare forward passes, on --images images, at the scales of its cam_cfg')
    parser.add_argument('--scales', type=float, nargs='+', help='other scales, for --masks')
    parser.add_argument('--detector', metavar='CONFIG', help='measure instead what FBR adds to a training step of this '
                        'FBRDetector, whose weights stay random')
    parser.add_argument('--train', metavar='CONFIG', nargs='?', const=RESNET50, help="measure instead FBR's share of a "
                        'training step of this segmentor with FBR, whose weights stay random (without CONFIG: '
                        'DeepLabV3+ on ResNet-50 at stride 16)')
    parser.add_argument('--scaling', metavar='OUT', type=Path, help='measure instead how the cost grows along each '
                        'axis and write table and plots to this folder')
    parser.add_argument('--walk', metavar='MAPS', type=int, help="measure instead IRN's random walk with so many class "
                        'maps of an image, at stride 4, radius 5, beta 10, 256 steps')
    parser.add_argument('--batch', type=int, nargs='+', help='images in one pass, for --masks (4), --detector (2) and '
                        '--train (4), which takes several')
    args = parser.parse_args()
    sides = [800, 1333] if args.detector else [512, 512] if args.train else [500, 500] if args.walk else [default.size]
    args.size = args.size or sides
    if len(args.size) != len(sides):
        parser.error('--size takes one number, the side of a feature map; with --detector, --train or --walk two, '
                     'height and width')
    if len(args.batch or []) > 1 and not args.train:
        parser.error('--batch takes one number; several only with --train')
    return args


def table(result):
    """The numbers for reading."""
    ms, without = result['times_ms'], result['without_projection']
    memory = result['peak_memory_mib']
    return '\n'.join([
        f"{result['found_queries']} queries, {result['kmeans_rounds']:g} rounds of k-means, "
        f"{result['threads']} threads, torch {result['torch']}, medians of {result['repeats']} in ms",
        *(f'  {name:<22}{value:9.1f}' for name, value in result['stages_ms'].items()),
        f"total                   {ms['total']:9.1f}",
        f"straightforward         {ms['straightforward']:9.1f}   "
        f"{result['straightforward_over_total']:.1f} times the total",
        f"products alone          {ms['products projection'] + ms['products other']:9.1f}   "
        f"the total is {result['total_over_products']:.1f} times as long",
        f"without the projection  {ms['total'] - ms['projection']:9.1f}   straightforward "
        f"{without['straightforward_over_total']:.1f} times, products alone {ms['products other']:.1f}, the total "
        f"{without['total_over_products']:.1f} times as long",
        'peak memory beyond the inputs: ' + ('not known on this system' if memory is None else f'{memory:.0f} MiB'),
    ])


def masks(config, scales, images, batch, repeats):
    from mmfbr.benchmark import masks
    from mmfbr.engine import load_config
    options = {'cam_cfg.scales': scales} if scales else {}
    result = masks.measure_masks(load_config(config, options), images, batch=batch, repeats=repeats)
    return result, masks.table(result)


def detector(config, size, batch, repeats, device):
    from mmfbr.benchmark import detector
    from mmfbr.engine import load_config
    result = detector.measure_detector(load_config(config), tuple(size), batch, repeats=repeats, device=device)
    return result, detector.table(result)


def training(config, size, batches, repeats, device):
    from mmfbr.benchmark import training
    from mmfbr.engine import load_config
    result = training.measure_training(load_config(config), tuple(size), tuple(batches), repeats, device)
    return result, training.table(result)


def scaling(folder, repeats):
    from mmfbr.benchmark import scaling
    found = scaling.measure_scaling(repeats=repeats)
    scaling.write_scaling(folder, found)
    return found, scaling.table(found) + f"\nalong the classes: {100 * scaling.spread(found['classes']):.0f} % apart"


def walk(maps, size, repeats):
    from mmfbr.benchmark import walk
    result = walk.measure_walk(size, maps, repeats=repeats)
    return result, walk.table(result)


def main():
    args = vars(parse_args())
    keep_memory()  # as in a training
    repeats, path = args.pop('repeats'), args.pop('json')
    torch.set_num_threads(args.pop('threads'))
    config, detecting, trained, walking, folder, scales, batch, size = (
        args.pop(name) for name in ('masks', 'detector', 'train', 'walk', 'scaling', 'scales', 'batch', 'size'))
    if config:
        result, text = masks(config, scales, args['images'], (batch or [4])[0], repeats)
    elif detecting:
        result, text = detector(detecting, size, (batch or [2])[0], repeats, args['device'])
    elif trained:
        result, text = training(trained, size, batch or [4], repeats, args['device'])
    elif walking:
        result, text = walk(walking, size, repeats)
    elif folder:
        result, text = scaling(folder, repeats)
    else:
        result = measure(Workload(size=size[0], **args), repeats)
        text = table(result)
    print(text)
    if path:
        write_json(path, result)


if __name__ == '__main__':
    main()
