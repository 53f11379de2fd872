"""Makes labels of the pixels a CAM is sure of, from its masks at a high and a low threshold (docs/hosts/amn.md)."""
import argparse
import sys

from mmfbr.cam.confident import make_confident_labels
from mmfbr.progress import progress
from mmfbr.tool import status_of


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('high', metavar='HIGH', help='folder of masks cut at the high threshold: what they call an object is one')
    add('low', metavar='LOW', help='folder of masks cut at the low threshold: what they call background is background')
    add('--out', metavar='DIR', required=True, help='folder of the labels; all other pixels are 255 there')
    add('--list', metavar='FILE', help='images, one ID a line; default: all masks of HIGH')
    add('--bg-index', type=int, default=0, help='index of the background class; default: %(default)s')
    return parser.parse_args(argv)


def run(args):
    made, kept = make_confident_labels(args.high, args.low, args.out, args.list, args.bg_index, progress)
    print(f'{made} labels written, {kept} were there')


def main(argv=None):
    return status_of(run, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
