"""Trains the variants of a study with several seeds and compares them, paired; continues where it stopped."""
import argparse
import signal
import sys


def parse_args(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog='docs/compare.md says what a study file holds and what each number is.')
    add = parser.add_argument
    add('study', metavar='STUDY', help='the study file, Python or JSON')
    add('--out', metavar='DIR', help='folder for everything; default: work_dirs/compare/NAME_OF_STUDY')
    add('--only', metavar='VARIANT', nargs='+', default=(), help='train and score these variants only')
    add('--seeds', metavar='N', type=int, nargs='+', default=(), help='with these seeds of the study only')
    add('--final', action='store_true', help='score the held-out lists too: for the final table, when nothing is left '
        'to choose')
    add('--jobs', metavar='N', type=int, default=1, help='trainings at a time; default: %(default)s')
    add('--threads', metavar='N', type=int, help='threads of each; default: the processors divided by the jobs')
    add('--draws', metavar='N', type=int, default=2000, help='resamplings of the bootstrap; default: %(default)s')
    add('--keep-checkpoints', action='store_true',
        help="keep the checkpoints, not only the weights without FBR's own")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument('--list', action='store_true', help='only say which runs there are and how far they are')
    instead.add_argument('--summary', action='store_true', help='only score and compare what is finished')
    return parser.parse_args(argv)


def run(args):
    from mmengine.logging import MMLogger

    from mmfbr.compare import Harness, Summary, read_study
    from mmfbr.files import InputError
    MMLogger.get_current_instance().setLevel('WARNING')  # it names the environment's variables for each config
    study = read_study(args.study)
    harness = Harness(study, args.out or f'work_dirs/compare/{study.name}')
    if args.list:
        for name, state in harness.states(args.final):
            print(f'{name}: {state}')
        return
    failure = None
    if not args.summary:
        try:
            harness.go(args.only, args.seeds, args.final, args.jobs, args.threads, args.keep_checkpoints,
                       lambda text: print(text, flush=True))
        except InputError as error:
            failure = error  # the others' numbers first
    summary = Summary(harness, args.final, args.draws)
    if summary.scored:
        print(f'{summary.write()}\nin {harness.out}')
    if failure is not None:
        raise failure


def main(argv=None):
    args = parse_args(argv)
    from mmfbr.tool import status_of
    return status_of(run, args)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that trainings under way are ended, too
    sys.exit(main())
