"""Prepares data sets for training: lists, labels and layout; `demo` draws the embedded data set."""
import argparse
import sys
import time

from mmfbr.demo import write_demo
from mmfbr.files import InputError


def progress(images, every=5):
    """The images; says on stderr how far it is, every few seconds."""
    said = time.monotonic()
    for count, image in enumerate(images):
        if time.monotonic() - said > every:
            print(f'{count} of {len(images)} images', file=sys.stderr)
            said = time.monotonic()
        yield image


def add_demo(commands):
    command = commands.add_parser('demo', formatter_class=argparse.ArgumentDefaultsHelpFormatter,
                                  help='draw the embedded data set: train, boat, cow and aeroplane with their stuff')
    add = command.add_argument
    add('--out', metavar='DIR', required=True, help='folder to write to; a run that was stopped continues there')
    add('--size', metavar='PIXELS', type=int, default=128, help='side of the square images')
    add('--seed', type=int, default=0, help='another seed draws other scenes')
    add('--train', metavar='N', type=int, default=240, help='training images')
    add('--val', metavar='N', type=int, default=40, help='validation images')
    add('--test', metavar='N', type=int, default=120, help='test images; in half of them the things are elsewhere')
    add('--background', metavar='N', type=int, default=16, help='images without a thing, outside the splits')
    add('--overwrite', action='store_true', help='draw everything again and replace a demo data set of other settings')
    command.set_defaults(run=run_demo)


def run_demo(args):
    drawn = write_demo(args.out, args.size, args.seed, args.train, args.val, args.test, args.background, args.overwrite,
                       progress)
    total = args.train + args.val + args.test + args.background
    if drawn:
        print(f'{args.out}: {total} images, {drawn} of them drawn now')
    else:
        print(f'{args.out}: all {total} images were there already')


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='DATA_SET')
    add_demo(commands)
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_args(argv)
    try:
        args.run(args)
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
