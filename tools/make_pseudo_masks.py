"""Makes pseudo masks from the class activation maps of a trained model; continues where it stopped."""
import argparse
from dataclasses import replace

from mmengine.config import DictAction


def parse_args():
    parser = argparse.ArgumentParser(description='Make pseudo masks (palette PNG) and CAM files (npz) for a list of '
                                     'images. A run that was stopped continues: files that are there are kept. Under '
                                     'torchrun each process does its share of the list.')
    parser.add_argument('config', help='config the model was trained with')
    parser.add_argument('checkpoint', help='trained weights')
    parser.add_argument('--out', help='folder for the masks')
    parser.add_argument('--cam-dir', help='folder for CAM files, which tools/eval_masks.py --sweep reads')
    parser.add_argument('--list', help='text file with one image id a line; default: the training list of the config')
    parser.add_argument('--threshold', type=float, default=0.3,
                        help='CAM value up to which a pixel is background; default: %(default)s')
    parser.add_argument('--scales', type=float, nargs='+',
                        help='factors of the base size; default: cam_cfg of the config')
    parser.add_argument('--no-flip', action='store_true', help='do not average with the mirrored image')
    parser.add_argument('--no-labels', action='store_true',
                        help='let the network say which classes are there, not the image-level labels')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        help='override settings of the config: key.of.setting=value')
    return parser.parse_args()


def main():
    args = parse_args()
    from mmfbr.engine import run_tool
    run_tool(make, args)


def make(args):
    from mmengine.utils import track_iter_progress

    from mmfbr.cam import CamSettings, make_pseudo_masks
    from mmfbr.engine import load_config
    config = load_config(args.config, args.cfg_options)
    settings = CamSettings(**config.get('cam_cfg', {}))
    if args.scales:
        settings = replace(settings, scales=tuple(args.scales))
    if args.no_flip:
        settings = replace(settings, flip=False)
    done, kept = make_pseudo_masks(config, args.checkpoint, args.out, args.list, args.threshold, args.cam_dir,
                                   not args.no_labels, settings, track_iter_progress)
    print(f'\n{done} images done, {kept} were there already.')


if __name__ == '__main__':
    main()
