"""The main jobs on the embedded data set: a CAM network with and without FBR, or an instance segmenter."""
import argparse


def parse_args():
    parser = argparse.ArgumentParser(
        description='Draw the demo data set, train a CAM network from image-level labels with and without FBR, make '
        'pseudo masks, score them and write report.html. With --instances: go from image-level labels to instances and '
        'train Mask R-CNN with FBR on them. A run that was stopped continues.')
    parser.add_argument('--instances', action='store_true',
                        help='pseudo instances from image-level labels, and Mask R-CNN on them')
    parser.add_argument('--out', default='demo_out', help='folder for everything that is written; default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, help='seed of the trainings; default: %(default)s')
    parser.add_argument('--iters', type=int, help='training iterations; default: those of the config')
    parser.add_argument('--size', type=int, default=128, help='side of the pictures; default: %(default)s')
    parser.add_argument('--images', type=int, nargs=3, default=(240, 40, 120), metavar=('TRAIN', 'VAL', 'TEST'),
                        help='numbers of images; default: 240 40 120')
    return parser.parse_args()


def main():
    args = parse_args()
    from mmfbr.tool import run_tool
    if args.instances:
        from mmfbr.engine.instance_demo import run_instance_demo
        run_tool(run_instance_demo, args.out, args.seed, args.iters, args.size, args.images)
    else:
        from mmfbr.engine.demo import run_demo
        run_tool(run_demo, args.out, args.seed, args.iters, args.size, args.images)


if __name__ == '__main__':
    main()
