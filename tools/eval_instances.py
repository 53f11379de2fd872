"""Scores instance masks against ground truth, both COCO files: mAP^r of the VOC protocol, per class and mean."""
import argparse
import sys

from mmfbr.evaluation import THRESHOLDS, read_predictions, read_truth, score_instances
from mmfbr.files import InputError, clear_parts, write_json
from mmfbr.instances import draw_predictions
from mmfbr.tool import status_of


def share(text):
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not above 0 and at most 1')
    return value


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('pred', metavar='PRED.json', help='annotation file with scores (its images and categories are found by name), '
                                          "or result list with the ground truth's ids")
    add('gt', metavar='GT.json', help='annotation file')
    add('--iou', metavar='T', type=share, nargs='+', default=THRESHOLDS,
        help=f'a prediction is right from this IoU on (default: {" ".join(map(str, THRESHOLDS))})')
    add('--convention', choices=['voc', 'coco'], default='voc',
        help='coco: match and average as pycocotools, without its limit of 100 predictions (default: voc)')
    add('--json', metavar='OUT', help='write the numbers to this file')
    add('--sheet', metavar='PNG', help='also draw images with what was predicted in them; needs --images')
    add('--images', metavar='DIR', help="the images, under the ground truth's file names")
    add('--sheet-images', metavar='N', type=int, default=24, help='number of images drawn (default: %(default)s)')
    add('--min-score', type=float, default=0.3, help='lowest score that is drawn (default: %(default)s)')
    return parser.parse_args(argv)


def run(args):
    if args.sheet and not args.images:
        raise InputError('--sheet draws the images: give their folder with --images.')
    clear_parts(path for path in (args.json, args.sheet) if path)
    truth = read_truth(args.gt)
    predictions = read_predictions(args.pred, truth)
    scores = score_instances(truth, predictions, tuple(args.iou), args.convention)
    print(scores.table())
    if args.json:
        write_json(args.json, scores.as_dict())
    if args.sheet:
        draw_predictions(args.sheet, truth, predictions, args.images, args.min_score, args.sheet_images)


def main(argv=None):
    return status_of(run, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
