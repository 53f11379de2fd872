"""Trains a config: the flags are those of the mm packages."""
import argparse
import os

from mmengine.config import DictAction


def parse_args():
    parser = argparse.ArgumentParser(description='Train a model from a config.')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints; default: work_dirs/NAME_OF_CONFIG')
    parser.add_argument('--resume', action='store_true',
                        help='continue from the latest checkpoint in the work dir, if there is one')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision; needs a GPU')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        help='override settings of the config: key.of.setting=value')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                        help='how the processes are started')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main():
    args = parse_args()
    from mmfbr.engine import train
    from mmfbr.tool import run_tool
    run_tool(train, args.config, work_dir=args.work_dir, resume=args.resume, amp=args.amp, options=args.cfg_options,
             launcher=args.launcher)


if __name__ == '__main__':
    main()
