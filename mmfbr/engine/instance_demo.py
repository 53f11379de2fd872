"""From image-level labels to instance predictions on the embedded data set, by a CAM network and Mask R-CNN."""
import os
import time
from pathlib import Path

from mmengine.utils import track_iter_progress

from mmfbr.cli import shipped_configs
from mmfbr.demo import CLASSES
from mmfbr.evaluation import THRESHOLDS, read_predictions, read_truth, score_instances
from mmfbr.files import write_json
from mmfbr.instances import Components, PseudoInstances, draw_predictions, make_instances

from .child import start_tool, stopped
from .demo import HOST, Training, draw_data, train_side_by_side

DETECTOR = 'mask-rcnn_resnet18-fpn_demo_fbr'


def run_instance_demo(out, seed=0, iters=None, size=128, images=(240, 40, 120)):
    """Runs every stage that is not done yet in the folder ``out`` and prints the scores.

    In half of the training pictures the things are away from their own background: where they never are, a CAM covers
    the background, and instances made of it would be rails and meadows.

    Args:
        out (str | Path): folder for data, work dirs, masks, instances and pictures.
        seed (int): of the trainings.
        iters (int | None): iterations of each training; None: the configs'.
        size (int): side of the pictures.
        images (Sequence[int]): numbers of training, validation and test images.

    Returns:
        InstanceScores: of the predictions on the test images.

    Raises:
        InputError: when a training stops; with the last lines it said and the path of its log.
    """
    started, out, configs = time.monotonic(), Path(out).resolve(), shipped_configs()
    data, masks, pseudo = out / 'data', out / 'pseudo_masks', out / 'pseudo_instances.json'
    print(f'1/5 drawing {sum(images)} scenes in {data}')
    draw_data(data, size, images, mixed=True)
    print('\n2/5 training a CAM network from image-level labels')
    cam = Training(configs[HOST], out / HOST, seed, iters)
    train_side_by_side([cam])
    print('\n3/5 pseudo masks, and instances of them')
    from mmfbr.cam import make_pseudo_masks
    make_pseudo_masks(cam.config, cam.checkpoint, masks, 'ImageSets/trainval.txt', say=print,
                      threshold_from=(data / 'ImageSets' / 'val.txt', data / 'SegmentationClass'),
                      progress=track_iter_progress)
    make_instances(pseudo, PseudoInstances(len(CLASSES), Components(), masks), data / 'JPEGImages', CLASSES,
                   data / 'ImageSets' / 'trainval.txt', sheet=pseudo.with_suffix('.png'))
    os.environ['PSEUDO_INSTANCES'] = str(pseudo)  # where the configs look
    print('\n4/5 training Mask R-CNN with FBR on them, its backbone from the CAM network')
    detector = Training(configs[DETECTOR], out / DETECTOR, seed, iters, 'model.backbone.init_cfg.type=Pretrained',
                        f'model.backbone.init_cfg.checkpoint={cam.checkpoint}',
                        'model.backbone.init_cfg.prefix=backbone.')
    train_side_by_side([detector])
    print('\n5/5 predictions, scores and pictures')
    results, truth = out / 'test' / 'predictions.segm.json', read_truth(data / 'annotations' / 'instances_test.json')
    if not results.exists():
        log = out / 'test.log'
        process = start_tool('test.py', detector.path, detector.checkpoint, '--out', results.parent, '--work-dir',
                             detector.work_dir / 'test', log=log)
        if process.wait():
            raise stopped(f'The test of {detector.path.name}', process, log)
    predictions, picture = read_predictions(results, truth), out / 'instances.png'
    scores = score_instances(truth, predictions, THRESHOLDS)
    draw_predictions(picture, truth, predictions, data / 'JPEGImages')
    write_json(out / 'instances.json', scores.as_dict())
    print(f'\n{scores.table()}\n\nthe pseudo instances: {pseudo.with_suffix(".png")}\n'
          f'the predictions: {picture} ({time.monotonic() - started:.0f} s)')
    return scores
