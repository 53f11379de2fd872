"""Prepares data sets for training: lists, labels, layout; from official archives, a folder, or drawn (docs/data.md)."""
import argparse
import sys
from pathlib import Path

from mmfbr.data_prep import LINKS, prepare_coco14, prepare_folder, prepare_voc12
from mmfbr.demo import write_demo
from mmfbr.files import InputError
from mmfbr.progress import progress
from mmfbr.tool import status_of


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
    add('--mixed', action='store_true', help='half of the training images, too, have their things elsewhere')
    add('--overwrite', action='store_true', help='draw everything again and replace a demo data set of other settings')
    command.set_defaults(run=run_demo)


def run_demo(args):
    drawn = write_demo(args.out, args.size, args.seed, args.train, args.val, args.test, args.background, args.mixed,
                       args.overwrite, progress)
    total = args.train + args.val + args.test + args.background
    if drawn:
        print(f'{args.out}: {total} images, {drawn} of them drawn now')
    else:
        print(f'{args.out}: all {total} images were there already')


def add_archives(commands, name, out, run, text, **sources):
    command = commands.add_parser(name, formatter_class=argparse.ArgumentDefaultsHelpFormatter, help=text)
    add = command.add_argument
    add('--out', metavar='DIR', default=out, help='folder of the data set; a run that was stopped continues there')
    add('--source', metavar='DIR', default='.', help='folder with the archives, or with what they unpack to')
    for option, what in sources.items():
        add(f'--{option.replace("_", "-")}', metavar='PATH', help=f'{what}, where it is not in --source')
    add_link(add)
    command.set_defaults(run=run)


def add_link(add):
    add('--link', choices=LINKS, default='hard',
        help='how files of a folder come into the data set; across file systems, hard links become copies')


def run_voc12(args):
    say(args.out, *prepare_voc12(args.out, args.source, args.voc, args.sbd, args.link, progress))


def run_coco14(args):
    images = dict(train=args.train_images, val=args.val_images)
    say(args.out, *prepare_coco14(args.out, args.source, args.annotations, images, args.link, progress))


def add_folder(commands):
    command = commands.add_parser('folder', formatter_class=argparse.ArgumentDefaultsHelpFormatter,
                                  help='a folder of photographs with a table of labels, and a config to train from')
    add = command.add_argument
    add('--images', metavar='DIR', required=True, help='the photographs')
    add('--labels', metavar='FILE', required=True,
        help='CSV with the header "image,labels" (a line: photo_1,cow;boat) or "image,cow,boat" (columns of 0 and 1), '
             'or JSON {"photo_1": ["cow", "boat"]}')
    add('--out', metavar='DIR', required=True, help='folder to write to')
    add('--classes', metavar='FILE', help='the classes in order, one a line; finds misspelt labels')
    add('--masks', metavar='DIR', help='ground truth ID.png of class indices, to score with; needs --classes')
    add('--val', metavar='FRACTION', type=float, default=0.2, help='part of the images kept for validation')
    add('--seed', type=int, default=0, help='another seed keeps others')
    add('--train-list', metavar='FILE', help='training images, one a line, instead of --val')
    add('--val-list', metavar='FILE', help='validation images, with --train-list')
    add('--skip-unlabelled', action='store_true', help='leave out images that are not in the labels file')
    add('--config', metavar='NAME', default='cam_mobilenetv2-os16_msrc_fbr', help='shipped config to start from')
    add('--seg-config', metavar='NAME', default='deeplabv3plus_mobilenetv2_msrc_fbr',
        help='shipped config to start the second stage from')
    add_link(add)
    command.set_defaults(run=run_folder)


def run_folder(args):
    if args.val_list and not args.train_list:
        raise InputError('--val-list needs --train-list.')
    say(args.out, *prepare_folder(args.out, args.images, args.labels, args.classes, args.masks, args.val,
                                  args.train_list, args.val_list, args.seed, args.skip_unlabelled, args.link,
                                  args.config, args.seg_config, progress))
    print(f'Train with: python tools/train.py {Path(args.out, "config.py")}')


def say(out, counts, remarks):
    """Prints what a data set consists of, and on stderr what the user should know of it."""
    written = counts.pop('written')
    for remark in remarks:
        print(f'note: {remark}', file=sys.stderr)
    print(f'{out}: ' + ', '.join(f'{name} {count}' for name, count in counts.items()) + ' images; '
          + (f'{written} files written now' if written else 'all files were there already'))


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='DATA_SET')
    add_archives(commands, 'voc12', 'data/VOCdevkit/VOC2012', run_voc12, 'PASCAL VOC 2012 with the masks of SBD',
                 voc='VOCtrainval_11-May-2012.tar or VOCdevkit', sbd='benchmark.tgz or benchmark_RELEASE')
    add_archives(commands, 'coco14', 'data/coco14', run_coco14, 'MS COCO 2014 as 81 classes',
                 annotations='annotations_trainval2014.zip or annotations', train_images='train2014.zip or train2014',
                 val_images='val2014.zip or val2014')
    add_folder(commands)
    add_demo(commands)
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_args(argv)
    return status_of(args.run, args)


if __name__ == '__main__':
    sys.exit(main())
