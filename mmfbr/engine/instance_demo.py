"""From labels to instance predictions on the embedded data set: pseudo instances, two detectors, scores, pictures."""
import os
import time
from pathlib import Path

from mmengine.utils import track_iter_progress

from mmfbr.cli import shipped_configs
from mmfbr.demo import CLASSES
from mmfbr.evaluation import THRESHOLDS, read_predictions, read_truth, score_instances
from mmfbr.files import write_json
from mmfbr.instances import Components, PseudoInstances, draw_predictions, make_instances

from .demo import FBR, Training, draw_data, start_tool, stopped, train_side_by_side

DETECTORS = {'mask-rcnn_resnet18-fpn_demo_fbr': 'Mask R-CNN with FBR, from image-level labels',
             'boxinst_resnet18-fpn_demo_fbr': 'BoxInst with FBR, from boxes'}


def run_instance_demo(out, seed=0, iters=None, size=128, images=(240, 40, 120)):
    """Runs every stage that is not done yet in the folder ``out`` and prints the scores.

    The CAM network is that of ``run_demo``: where that has run in the same folder, its training is not repeated.

    Args:
        out (str | Path): folder for data, work dirs, masks, instances and pictures.
        seed (int): of the trainings.
        iters (int | None): iterations of each training; None: the configs'.
        size (int): side of the pictures.
        images (Sequence[int]): numbers of training, validation and test images.

    Returns:
        dict: {name of the detector's config: its ``InstanceScores`` on the test images}.

    Raises:
        InputError: when a training stops; with the last lines it said and the path of its log.
    """
    started, out = time.monotonic(), Path(out).resolve()
    print(f'1/5 drawing {sum(images)} scenes in {out / "data"}')
    data, configs = draw_data(out, size, images), shipped_configs()
    print('\n2/5 training a CAM network with FBR from image-level labels')
    cam = Training(configs[FBR], out / FBR, seed, iters)
    train_side_by_side([cam])
    print('\n3/5 pseudo masks, and instances of them')
    from mmfbr.cam import PAR, make_pseudo_masks
    masks, pseudo = out / 'pseudo_masks', out / 'pseudo_instances.json'
    make_pseudo_masks(cam.config, cam.checkpoint, masks, 'ImageSets/trainval.txt', refine=PAR(), say=print,
                      threshold_from=(data / 'ImageSets' / 'val.txt', data / 'SegmentationClass'),
                      progress=track_iter_progress)
    make_instances(pseudo, PseudoInstances(len(CLASSES), Components(), masks), data / 'JPEGImages', CLASSES,
                   data / 'ImageSets' / 'trainval.txt', sheet=pseudo.with_suffix('.png'))
    os.environ['PSEUDO_INSTANCES'] = str(pseudo)  # where the configs look
    print('\n4/5 training two detectors, side by side')
    runs = {name: Training(configs[name], out / name, seed, iters) for name in DETECTORS}
    train_side_by_side(list(runs.values()))
    print('\n5/5 predictions, scores and pictures')
    truth, scores = read_truth(data / 'annotations' / 'instances_test.json'), {}
    for name, run in runs.items():
        results = out / f'{name}_test' / 'predictions.segm.json'
        if not results.exists():
            log = results.parent.with_suffix('.log')
            process = start_tool('test.py', run.path, run.checkpoint, '--out', results.parent, '--work-dir',
                                 run.work_dir / 'test', log=log)
            if process.wait():
                raise stopped(f'The test of {run.path.name}', process, log)
        predictions = read_predictions(results, truth)
        scores[name] = score_instances(truth, predictions, THRESHOLDS)
        draw_predictions(out / f'{name}_test.png', truth, predictions, data / 'JPEGImages')
        write_json(out / f'{name}_test.json', scores[name].as_dict())
        print(f'\n{DETECTORS[name]}: {out / name}_test.png\n{scores[name].table()}')
    print(f'\nThe pseudo instances: {pseudo.with_suffix(".png")} ({time.monotonic() - started:.0f} s)')
    return scores
