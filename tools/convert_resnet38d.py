"""Converts the ImageNet weights of ResNet-38 (model A1), published as an MXNet file, for the backbone `ResNet38d`."""
import argparse


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('params', help='ilsvrc-cls_rna-a1_cls1000_ep-0001.params of the project "ademxapp"')
    parser.add_argument('out', help='file to write, say weights/resnet38d_imagenet.pth; name it in '
                        "backbone.init_cfg=dict(type='Pretrained', checkpoint=...)")
    return parser.parse_args()


def main():
    args = parse_args()
    from mmfbr.tool import run_tool
    run_tool(convert, args)


def convert(args):
    import torch

    from mmfbr.engine.load import check_fit
    from mmfbr.engine.mxnet_params import read_params, resnet38d_state
    from mmfbr.files import InputError, atomic_path
    from mmfbr.models import ResNet38d
    state, expected = resnet38d_state(read_params(args.params), args.params), ResNet38d().state_dict()
    common = check_fit(state, expected, f'The MXNet file {args.params}')
    missing = [key for key in expected if key not in common and not key.endswith('num_batches_tracked')]
    if missing:
        raise InputError(f'The MXNet file {args.params} lacks {len(missing)} arrays, first that of {missing[0]!r}.')
    with atomic_path(args.out) as temporary:
        torch.save(dict(state_dict={key: state[key] for key in common}), temporary)
    print(f'{args.out}: {len(common)} arrays')


if __name__ == '__main__':
    main()
