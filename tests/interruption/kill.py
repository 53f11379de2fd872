"""Kills trainings and tools at random moments and compares what they end with: `python tests/interruption/kill.py`."""
import argparse
import gc
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

os.environ.update(OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='-1')  # before torch is imported


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('subjects', nargs='*', metavar='SUBJECT', help='those to examine, NAME or NAME=KILLS; default: all')
    add('--kills', type=int, default=20, help='of each other subject, of some less; default: %(default)s')
    add('--toys', action='store_true', help='examine also tools that break a promise, which must be noticed')
    add('--seed', type=int, default=0, help='another one kills at other moments; default: %(default)s')
    add('--json', type=Path, help='write the results there')
    return parser.parse_args()


def import_all():
    """Everything is imported once, and nothing computed: the tools run in forks of this process."""
    import matplotlib.figure  # noqa: F401
    import mmdet.models  # noqa: F401
    import mmengine.config.config
    import mmseg.apis  # noqa: F401
    import torch
    import torch._dynamo  # noqa: F401 (optimizers import it)

    import mmfbr.cam  # noqa: F401
    import mmfbr.engine  # noqa: F401
    import mmfbr.report  # noqa: F401
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # what is there already is not looked at again, and so not copied for each fork
    # mmengine lays the text of a config out anew for each file that it goes into, a third of a second each.
    mmengine.config.config.FormatCode = lambda text, **settings: (text, True)


def main():
    args = parse_args()
    import_all()
    from subjects import BROKEN, LESS, SUBJECTS, World
    from trials import Result, examine
    started, results, toys = time.monotonic(), [], []
    print(Result.HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        for name, _, kills in (subject.partition('=') for subject in args.subjects or SUBJECTS):
            kills = int(kills or max(args.kills * LESS.get(name, 1), 1))
            results.append(examine(SUBJECTS[name](world), kills, args.seed))
            print(results[-1].line(), *results[-1].problems, sep='\n  ', flush=True)
        if args.toys:
            toys = [examine(world.toy(broken), 40, args.seed) for broken in BROKEN]
    print(f'{sum(result.kills for result in results)} kills in {time.monotonic() - started:.0f} s, seed {args.seed}')
    if args.json:
        args.json.write_text(json.dumps({result.name: asdict(result) for result in results + toys}))
    return 1 if any(result.problems for result in results) else 0


if __name__ == '__main__':
    sys.exit(main())
