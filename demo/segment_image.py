"""Segments one photograph with a trained network, by mmsegmentation's own calls."""
import argparse

from mmseg.apis import inference_model, init_model, show_result_pyplot


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('image', help='a photograph')
    parser.add_argument('config', help='config the network was trained with')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--out', default='segmented.png', help='picture to write; default: %(default)s')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ...; default: %(default)s')
    args = parser.parse_args()
    model = init_model(args.config, args.checkpoint, args.device)  # the config imports mmfbr; inference needs no more
    result = inference_model(model, args.image)
    show_result_pyplot(model, args.image, result, opacity=0.6, draw_gt=False, show=False, out_file=args.out)
    print(f'{args.out} shows the classes found in {args.image}')


if __name__ == '__main__':
    main()
