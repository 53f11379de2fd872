"""Writes a trained model's weights without FBR's, for use by mmsegmentation and mmdetection without mmfbr."""
import argparse


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='path of the checkpoint')
    parser.add_argument('--out', help='file to write; default: beside the checkpoint, NAME_plain.pth')
    parser.add_argument('--weights', choices=['ema', 'trained'], help='of a run with an EMAHook: the averages '
                        '(default), or the weights as trained')
    return parser.parse_args()


def main():
    args = parse_args()
    from mmfbr.engine.publish import publish
    from mmfbr.tool import run_tool
    done = run_tool(publish, args.checkpoint, args.out, args.weights)
    left = [f'{done.dropped} tensors of FBR'] if done.dropped else []
    print(f'{done.path}: {done.kept} tensors, the {"averaged (EMA)" if done.weights == "ema" else "trained"} weights. '
          f'Left out: {", ".join(left + done.others) or "nothing"}.')
    if not done.dropped:
        print('The checkpoint holds no state of FBR: it comes from a model without it.')


if __name__ == '__main__':
    main()
