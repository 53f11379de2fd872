"""Scores a folder of masks or CAM files: per-class IoU, threshold sweep, and where the false positives fell."""
import argparse
import sys

from mmfbr.evaluation import evaluate, image_ids, plot_sweep
from mmfbr.figures import check_ending
from mmfbr.files import InputError, clear_parts, read_lines, write_json
from mmfbr.progress import progress
from mmfbr.tool import status_of

DEFAULT_SWEEP = '0:0.9:0.01'


def steps(text):
    """Thresholds START, START + STEP, ... up to and with STOP, free of the rounding errors of repeated addition."""
    try:
        start, stop, step = map(float, text.split(':'))
        if not (0 <= start <= stop <= 1 and step > 0):
            raise ValueError
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not START:STOP:STEP with 0 <= START <= STOP <= 1 and STEP > 0') from error
    return [round(start + i * step, 9) for i in range(int((stop - start) / step + 1e-6) + 1)]


def share(text):
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is outside [0, 1]')
    return value


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('pred', metavar='PRED', help='folder of ID.png masks; of ID.npz CAM files with --sweep or --threshold')
    add('gt', metavar='GT', help='folder of ID.png ground truth masks')
    add('--list', metavar='FILE', help='images to score, one ID a line (default: all PNGs of GT)')
    add('--classes', metavar='FILE', help='class names in the order of their index, background included, one a line')
    add('--bg-index', type=int, default=0, help='index of the background class (default: 0)')
    add('--ignore-index', type=int, default=255, help='value of pixels that are not counted (default: 255)')
    cams = parser.add_mutually_exclusive_group()
    cams.add_argument('--sweep', metavar='START:STOP:STEP', type=steps, nargs='?', const=steps(DEFAULT_SWEEP),
                      help=f'cut CAM files at each of these thresholds, score at the best (bare: {DEFAULT_SWEEP})')
    cams.add_argument('--threshold', metavar='T', type=share, help='cut CAM files at T, chosen on other images')
    add('--curve', metavar='FILE', help='draw the sweep as PNG, SVG or PDF, by the ending of the name')
    add('--all-masks', metavar='DIR', help='masks of things and stuff: tell where the false positives fell')
    add('--all-classes', metavar='FILE', help='class names of these masks; things are named as in --classes')
    add('--companion-list', metavar='FILE',
        help='images whose masks say which stuff accompanies a thing, say the training list (default: those scored)')
    add('--json', metavar='OUT', help='write the numbers to this file')
    return parser.parse_args(argv)


def run(args):
    if args.classes is None:
        raise InputError('The class names are needed: give --classes FILE, one name a line, background included.')
    if args.curve and not args.sweep:
        raise InputError('--curve draws a sweep: give --sweep too.')
    if args.curve:
        check_ending(args.curve)  # before the images are scored
    if bool(args.all_masks) != bool(args.all_classes):
        raise InputError('--all-masks DIR and --all-classes FILE belong together: give both or neither.')
    clear_parts(path for path in (args.json, args.curve) if path)
    result = evaluate(
        args.pred, args.gt, image_ids(args.gt, args.list), read_lines(args.classes, 'The class list'),
        bg_index=args.bg_index, ignore_index=args.ignore_index, threshold=args.threshold, thresholds=args.sweep,
        all_dir=args.all_masks, all_classes=args.all_classes and read_lines(args.all_classes, 'The all-class list'),
        cooccurrence_ids=args.companion_list and image_ids(args.gt, args.companion_list), progress=progress)
    print(f'{result.images} images\n{result.text()}')
    if args.json:
        write_json(args.json, result.as_dict())
    if args.curve:
        plot_sweep(args.curve, result.sweep)


def main(argv=None):
    return status_of(run, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
