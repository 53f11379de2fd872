"""Tests a checkpoint with the evaluators of its config: the flags are those of the mm packages."""
import argparse
import os

from mmengine.config import DictAction


def parse_args():
    parser = argparse.ArgumentParser(description='Test a checkpoint with the test data and evaluators of a config.')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='path of the checkpoint')
    parser.add_argument('--work-dir', help='folder for the log; default: work_dirs/NAME_OF_CONFIG')
    parser.add_argument('--out', help='folder for the predicted masks, or for predictions.segm.json')
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
    from mmfbr.engine import test
    from mmfbr.tool import run_tool
    run_tool(test, args.config, args.checkpoint, work_dir=args.work_dir, out=args.out, options=args.cfg_options,
             launcher=args.launcher)


if __name__ == '__main__':
    main()
