"""Writes one self-contained HTML page that compares a run with FBR to one without."""
import argparse
import shlex
import sys

from mmengine.config import DictAction

RUN = ('CONFIG', 'CHECKPOINT', 'WORK_DIR', 'CAM_DIR')


def parse_args():
    parser = argparse.ArgumentParser(description='Write one self-contained HTML page that compares a network trained '
                                     'with FBR with one trained without: numbers, loss curves, CAMs, NROIs, queries, '
                                     'masks. CAM_DIR holds the CAM files of both lists, made by '
                                     'tools/make_pseudo_masks.py.')
    add = parser.add_argument
    add('--host', nargs=4, metavar=RUN, required=True, help='the run without FBR')
    add('--fbr', nargs=4, metavar=RUN, required=True, help='the run with FBR')
    add('--choose-list', metavar='LIST', required=True,
        help='images on which the background threshold of each run is chosen, say ImageSets/trainval.txt')
    add('--score-list', metavar='LIST', required=True, help='images on which everything is measured; some are shown')
    add('--out', metavar='HTML', default='report.html', help='the page; default: %(default)s')
    add('--json', metavar='FILE', help='also write the numbers there')
    add('--images', metavar='N', type=int, default=8, help='images shown; default: %(default)s')
    add('--masks', metavar='DIR', default='SegmentationClass', help='true masks; default: %(default)s in the data root')
    add('--all-masks', metavar='DIR', default='SegmentationAll',
        help='masks of things and stuff, passed over when missing; default: %(default)s in the data root')
    add('--all-classes', metavar='FILE', default='classes_all.txt',
        help='class names of these masks; default: %(default)s in the data root')
    add('--cfg-options', nargs='+', action=DictAction, help='override settings of both configs: key.of.setting=value')
    return parser.parse_args()


def main():
    args = parse_args()
    from mmfbr.tool import run_tool
    run_tool(write, args)


def write(args):
    from mmfbr.progress import progress
    from mmfbr.report import Run, write_report
    report = write_report(
        args.out, Run('host', *args.host), Run('host + FBR', *args.fbr), args.choose_list, args.score_list, args.images,
        mask_dir=args.masks, all_dir=args.all_masks, all_classes=args.all_classes, json_path=args.json,
        commands=[shlex.join(['python', *sys.argv])], options=args.cfg_options, progress=progress)
    print(f'{report.table}\n\n{report.path}')


if __name__ == '__main__':
    main()
