"""Makes pseudo masks from the class activation maps of a trained model; continues where it stopped."""
import argparse
from dataclasses import replace

from mmengine.config import DictAction


def parse_args():
    parser = argparse.ArgumentParser(description='Make pseudo masks (palette PNG) and CAM files (npz) for a list of '
                                     'images. A run that was stopped continues: files that are there are kept. Under '
                                     'torchrun each process does its share of the list.')
    add = parser.add_argument
    add('config', help='config the model was trained with')
    add('checkpoint', help='trained weights')
    add('--out', help='folder for the masks')
    add('--cam-dir', help='folder for CAM files, which tools/eval_masks.py --sweep reads; without refinement')
    add('--list', help='text file with one image id a line; default: the training list of the config')
    background = parser.add_mutually_exclusive_group()
    background.add_argument('--threshold', type=float, default=0.3,
                            help='score of the background, which a class must exceed; default: %(default)s')
    background.add_argument('--threshold-from', nargs=2, metavar=('LIST', 'GT_DIR'),
                            help='take the threshold with the best mean IoU on these images and ground truth masks')
    add('--unsure-from', type=float, metavar='LOW',
        help='give pixels between LOW and the threshold the label 255, which is ignored: labels to train IRN, '
        "AffinityNet and AMN from; with the CRF's alpha LOW is a second, greater power")
    add('--refine', choices=('none', 'par', 'crf', 'nroi', 'irn', 'psa'), default='none',
        help='none: threshold the maps; par: pixel-adaptive refinement of the maps first; crf: dense CRF over '
        'maps and background, needs pydensecrf2; nroi: pixels go to the class or the background they look like on an '
        'earlier map of the network; irn, psa: random walk of the maps along what a network has learned '
        'of boundaries, of affinities; default: %(default)s')
    add('--refine-config', metavar='CONFIG', help='config of that network, for irn and psa; for nroi by default CONFIG')
    add('--refine-checkpoint', metavar='CKPT', help='its trained weights; for nroi by default CHECKPOINT')
    add('--refine-cfg', nargs='+', action=DictAction, default={},
        help="settings of the refinement, key=value: PAR's dilations, iterations, stride, w1, w2, w3; the CRF's "
        'iterations, alpha (background as a power instead of the threshold), xy, xy_weight, bi_xy, bi_rgb, bi_weight; '
        "nroi's nroi_from (a list of training images to compare with, too), margin, max_nroi, in_index, num_clusters, "
        "sure, unlike, tau, prior; irn's radius, beta, steps, and psa's, with alpha")
    add('--relations', metavar='DIR',
        help='with irn: folder for boundaries and displacements, which tools/make_instances.py --method irn reads')
    add('--workers', type=int, help='processes of the CRF; default: one less than there are processors')
    add('--scales', type=float, nargs='+',
        help='factors of the base size; default: cam_cfg of the config, and where it is silent 0.5 1 1.5 2')
    add('--no-flip', action='store_true', help='do not average with the mirrored image')
    add('--batch', type=int, default=4,
        help='images of one size that may go through the network together; default: %(default)s')
    add('--no-labels', action='store_true',
        help='let the network say which classes are there, not the image-level labels')
    add('--cfg-options', nargs='+', action=DictAction,
        help='override settings of the config: key.of.setting=value')
    return parser.parse_args()


def main():
    args = parse_args()
    from mmfbr.tool import run_tool
    run_tool(make, args)


def make(args):
    from mmengine.utils import track_iter_progress

    from mmfbr.cam import CamSettings, make_pseudo_masks, refinement
    from mmfbr.engine import keep_memory, load_config
    keep_memory()
    config = load_config(args.config, args.cfg_options)
    settings = CamSettings(**config.get('cam_cfg', {}))
    if args.scales:
        settings = replace(settings, scales=tuple(args.scales))
    if args.no_flip:
        settings = replace(settings, flip=False)
    given = dict(config=args.refine_config, checkpoint=args.refine_checkpoint)
    if args.refine == 'nroi':
        given = dict(config=args.refine_config or args.config, checkpoint=args.refine_checkpoint or args.checkpoint)
    chosen = refinement(args.refine, **{**args.refine_cfg, **{key: value for key, value in given.items() if value}})
    done, kept = make_pseudo_masks(
        config, args.checkpoint, args.out, args.list, args.threshold, args.cam_dir, not args.no_labels, settings,
        lambda jobs: track_iter_progress(jobs) if jobs else jobs, args.batch,
        chosen, args.threshold_from, args.workers, print, args.unsure_from, args.relations)
    print(f'\n{done} images done, {kept} were there already.')


if __name__ == '__main__':
    main()
