"""Makes a COCO file of instances from masks, CAM files, or masks of true objects (docs/instances.md)."""
import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from mmengine.config import DictAction

from mmfbr.files import InputError, read_lines
from mmfbr.instances import (
    METHODS,
    DisplacementInstances,
    PseudoInstances,
    TrueInstances,
    make_instances,
    method,
)
from mmfbr.progress import progress
from mmfbr.tool import status_of


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('masks', metavar='MASKS', nargs='?',
        help='folder of ID.png masks; without it the CAM files are cut at --threshold, and true objects get their '
        'classes from SegmentationClass in --data')
    add('--out', metavar='FILE', required=True, help='the COCO file')
    add('--cams', metavar='DIR', help='folder of ID.npz CAM files; they also give the scores')
    add('--relations', metavar='DIR', help='folder of ID.npz that the refinement irn wrote; for the method irn')
    add('--method', choices=(*METHODS, 'objects'),
        help='peaks: an instance for each peak of a CAM; components: for each connected part of a mask; irn: for each '
        'centroid of the displacements in --relations; objects: for each number in --objects, the ground truth; '
        'default: irn with --relations, peaks with --cams, objects with --objects, else components')
    add('--method-cfg', nargs='+', action=DictAction, default={},
        help='settings of the method, key=value: min_area, connectivity; of peaks min_prominence, min_distance; of irn '
        'max_displacement, iterations, radius, beta, steps')
    add('--objects', metavar='DIR', help='folder of ID.png object numbers; default: SegmentationObject in --data')
    add('--data', metavar='DIR', default='.', help='folder of the data set, where the following are; default: here')
    add('--images', metavar='DIR', help='the images; default: JPEGImages in --data')
    add('--classes', metavar='FILE',
        help='class names in the order of their index, background included, one a line; default: classes.txt in --data')
    add('--list', metavar='FILE',
        help='images, one ID a line, as given or in --data; default: all that have a mask or CAM file')
    add('--threshold', type=float, default=0.3,
        help='cuts the CAM files where there are no masks; default: %(default)s')
    add('--bg-index', type=int, default=0, help='index of the background class; default: %(default)s')
    add('--sheet', metavar='PNG', help='also draw images with their instances')
    add('--sheet-images', metavar='N', type=int, default=24, help='number of images drawn; default: %(default)s')
    return parser.parse_args(argv)


def instances_from(args, classes):
    """The source of the instances, and what the file says about itself."""
    kind = args.method or ('objects' if args.objects else 'irn' if args.relations else 'peaks' if args.cams else
                           'components')
    if args.relations and kind != 'irn':
        raise InputError(f'The method {kind!r} reads no --relations: leave them out, or choose irn.')
    if kind != 'objects':
        if args.objects:
            raise InputError('--objects holds true objects, which no method divides: leave it or --method out.')
        chosen = method(kind, **args.method_cfg)
        if kind == 'irn':
            if args.masks:
                raise InputError("The method 'irn' makes its masks of CAMs and relations: leave MASKS out.")
            info = dict(description='pseudo instances', method=kind, **asdict(chosen), threshold=args.threshold,
                        score='highest value after the walk')
            return DisplacementInstances(len(classes), chosen, args.cams, args.relations, args.threshold,
                                         args.bg_index), info
        info = dict(description='pseudo instances', method=kind, **asdict(chosen),
                    score='mean of the CAM inside' if args.cams else '1: there is no CAM')
        if not args.masks:
            info['threshold'] = args.threshold
        return PseudoInstances(len(classes), chosen, args.masks, args.cams, args.threshold, args.bg_index), info
    if args.cams or args.method_cfg:
        raise InputError('True objects have neither CAMs nor settings: leave --cams and --method-cfg out.')
    masks, objects = args.masks or Path(args.data, 'SegmentationClass'), args.objects
    source = TrueInstances(classes, masks, objects or Path(args.data, 'SegmentationObject'), args.bg_index)
    return source, dict(description='true instances', method=kind)


def run(args):
    classes = read_lines(args.classes or Path(args.data, 'classes.txt'), 'The class list')
    source, info = instances_from(args, classes)
    image_list = args.list and (args.list if Path(args.list).exists() else Path(args.data, args.list))
    counts = make_instances(args.out, source, args.images or Path(args.data, 'JPEGImages'), classes, image_list,
                            args.bg_index, info, args.sheet, args.sheet_images, progress)
    for remark in getattr(source, 'remarks', ()):
        print(f'note: {remark}', file=sys.stderr)
    print(f'{args.out}: {counts["instances"]} instances in {counts["images"]} images, '
          f'{counts["images without instances"]} of them without any')
    print(', '.join(f'{name} {counts[name]}' for index, name in enumerate(classes) if index != args.bg_index))


def main(argv=None):
    return status_of(run, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
