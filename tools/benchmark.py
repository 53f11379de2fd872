"""Prints what FBR costs a training step: by stage, against the straightforward implementation and the bare products."""
import argparse
import json
from pathlib import Path

import torch

from mmfbr.benchmark.measure import Workload, measure


def parse_args():
    default, parser = Workload(), argparse.ArgumentParser(description=__doc__)
    for name, meaning in (('images', 'images of a batch'), ('size', 'side of the feature map'),
                          ('channels', 'channels of the encoder'), ('classes', 'classes, the background among them'),
                          ('queries', 'queries to aim at'), ('negatives', 'negatives of a query'),
                          ('bank', 'entries of the bank, which is full')):
        parser.add_argument(f'--{name}', type=int, default=getattr(default, name), help=f'{meaning} (%(default)s)')
    parser.add_argument('--device', default=default.device, help='where to run (%(default)s)')
    parser.add_argument('--repeats', type=int, default=5, help='times are medians of so many (%(default)s)')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads(), help='CPU threads (%(default)s)')
    parser.add_argument('--json', type=Path, help='also write the numbers to this file')
    parser.add_argument('--masks', metavar='CONFIG', help='measure instead what making pseudo masks with this model '
                        'costs beside its bare forward passes, on --images images, at the scales of its cam_cfg')
    parser.add_argument('--scales', type=float, nargs='+', help='other scales, for --masks')
    parser.add_argument('--batch', type=int, default=4, help='images in one pass, for --masks (%(default)s)')
    return parser.parse_args()


def table(result):
    """The numbers for reading."""
    ms, without = result['times_ms'], result['without_projection']
    memory = result['peak_memory_mib']
    return '\n'.join([
        f"{result['found_queries']} queries, {result['kmeans_rounds']} rounds of k-means, "
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


def main():
    args = vars(parse_args())
    repeats, path = args.pop('repeats'), args.pop('json')
    torch.set_num_threads(args.pop('threads'))
    config, scales, batch = (args.pop(name) for name in ('masks', 'scales', 'batch'))
    if config:
        result, text = masks(config, scales, args['images'], batch, repeats)
    else:
        result = measure(Workload(**args), repeats)
        text = table(result)
    print(text)
    if path:
        path.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    main()
