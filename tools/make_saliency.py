"""Writes saliency maps for EPS and PPC, from the images alone or from true objects (docs/hosts/eps.md)."""
import argparse
import sys

from mmfbr.progress import progress
from mmfbr.saliency import METHODS, make_saliency
from mmfbr.tool import status_of


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add('data', metavar='DIR', help='folder of the data set, in VOC layout')
    add('--method', choices=METHODS, default='barrier',
        help='barrier: minimum barrier distance to the border of the image, nothing learned; objects: the masks of '
        'SegmentationObject, for the demo data')
    add('--out', metavar='DIR', help='folder of the maps; a run that was stopped continues there (default: Saliency in '
        'DIR)')
    add('--images', metavar='DIR', help='the images (default: JPEGImages in DIR)')
    add('--objects', metavar='DIR', help='the object masks (default: SegmentationObject in DIR)')
    add('--list', metavar='FILE', help='images, one ID a line, as given or in DIR (default: all)')
    add('--suffix', default='.jpg', help='ending of the images')
    return parser.parse_args(argv)


def run(args):
    made, kept = make_saliency(args.data, args.method, args.out, args.images, args.objects, args.list, args.suffix,
                               progress)
    print(f'{made} saliency maps written, {kept} were there')


def main(argv=None):
    args = parse_args(argv)
    return status_of(run, args)


if __name__ == '__main__':
    sys.exit(main())
