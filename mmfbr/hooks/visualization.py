"""`FBRVisualizationHook`: pictures of what FBR sees, written at validation."""
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch.nn import functional as F

from mmfbr.core.stream import derived_generator
from mmfbr.core.views import segmentation_view
from mmfbr.figures import new_figure
from mmfbr.files import InputError
from mmfbr.image_files import read_image


class FBRVisualizationHook(Hook):
    """Writes, for the first images of each validation, to the visualisation backends of the config (mmengine's
    ``visualizer``: files, TensorBoard, Weights & Biases, ...):

    * ``fbr_ID_cam``: the strongest class score of each pixel over the image;
    * ``fbr_ID_nroi``: each background cell in the colour of its NROI;
    * ``fbr_ID_queries``: the unsure foreground cells;
    * ``fbr_ID_similarity``: histograms of the cosines of queries to their prototypes and to the NROIs.

    A segmentation host's pixels are labelled by the ground truth of the validation, or by the prediction without any.

    Args:
        num_images (int): images shown.
        interval (int): validations between two that write.

    Raises:
        InputError: at the first validation, when the model has no ``FBRNeck`` or no ``FBRLoss``.
    """

    priority = 'LOW'

    def __init__(self, num_images=4, interval=1):
        if num_images < 1 or interval < 1:
            raise ValueError('FBRVisualizationHook: num_images and interval must be at least 1; they are '
                             f'{num_images!r} and {interval!r}.')
        self.num_images, self.interval = num_images, interval
        self._validations = self._shown = 0

    def before_val_epoch(self, runner):
        """Counts validations, and images from zero."""
        self._shown = 0 if self._validations % self.interval == 0 else self.num_images
        self._validations += 1

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Draws the images of a batch, as long as there are to be more."""
        if not is_main_process() or self._shown >= self.num_images:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        neck, loss = _parts(model)
        for index in range(min(len(outputs), self.num_images - self._shown)):
            one = {key: value[index:index + 1] for key, value in data_batch.items()}
            sample, view, found = _look(model, neck, loss, one, outputs[index])
            for name, picture in _pictures(sample, view, found, loss.bg_index).items():
                runner.visualizer.add_image(name, picture, step=runner.iter)
            self._shown += 1


def _parts(model):
    from mmfbr.models import FBRLoss, FBRNeck
    neck = getattr(model, 'neck', None)
    loss = next((module for module in model.modules() if isinstance(module, FBRLoss)), None)
    if not isinstance(neck, FBRNeck) or loss is None:
        raise InputError('FBRVisualizationHook shows what FBR sees, and this model has no FBRNeck or no FBRLoss. Take '
                         'the hook out of custom_hooks, or train with FBR.')
    return neck, loss


@torch.no_grad()
def _look(model, neck, loss, batch, output):
    """Of a batch of one image: its sample, the host's view without the padding, FBR's ``Regions``. Draws no random
    number of the run."""
    from mmfbr.models import CAMHead
    from mmfbr.models.cam_head import valid_pixels
    from mmfbr.models.regions import find_regions
    data = model.data_preprocessor(batch, False)
    sample = data['data_samples'][0]
    head = model.decode_head[-1] if isinstance(model.decode_head, torch.nn.ModuleList) else model.decode_head
    logits = None if isinstance(head, CAMHead) else model.encode_decode(data['inputs'], [sample.metainfo])
    features = model.extract_feat(data['inputs'])  # last, and held here: the neck knows the latest map, and weakly
    if logits is None:
        valid = valid_pixels(neck.feature, [sample])
        view = head.pixel_view(features, sample.gt_label.multi_hot[None].bool(), valid)
    else:
        label = output.get('gt_sem_seg', output.pred_sem_seg).data.to(logits.device)
        label = F.interpolate(label[None].float(), sample.img_shape[:2], mode='nearest')
        bottom, right = (whole - part for whole, part in zip(data['inputs'].shape[2:], label.shape[2:], strict=True))
        label = F.pad(label, (0, right, 0, bottom), value=head.ignore_index)[:, 0].long()
        view = segmentation_view(logits, label, neck.feature.shape[2:], loss.bg_index, head.ignore_index)
    generator = derived_generator(view.scores.device, 'FBRVisualizationHook', 0)
    return sample, view, find_regions(neck, loss, view, loss.bg_index, generator)


def _pictures(sample, view, found, bg_index):
    """{name: (H, W, 3) uint8} of one image."""
    from mmfbr.report.pictures import enlarge, heat, nroi_map, query_map
    image, name = read_image(sample.img_path), f'fbr_{Path(sample.img_path).stem}'
    height, width = (-(-cells * part // whole) for cells, part, whole in zip(
        view.labels.shape[1:], sample.img_shape, sample.get('pad_shape') or sample.img_shape, strict=False))
    scores, clusters, queries, valid = (
        x[0, ..., :height, :width].cpu().numpy() for x in (view.scores, found.clusters, found.queries, view.valid))
    classes = [index for index in range(len(scores)) if index != bg_index]
    return {
        f'{name}_cam': heat(image, enlarge(scores[classes].max(0), image.shape[:2])),
        f'{name}_nroi': nroi_map(image, clusters),
        f'{name}_queries': query_map(image, queries, valid & (clusters < 0)),
        f'{name}_similarity': histogram(found.positive.cpu().numpy(), found.negative.cpu().numpy().ravel()),
    }


def histogram(positive, negative):
    """Histograms of two sets of cosines in [0, 1], which need not be equally many, as a picture (H, W, 3) uint8."""
    figure = new_figure(4.8, 3.2)
    axes, edges = figure.subplots(), np.linspace(0, 1, 41)
    for values, label, colour in ((positive, 'prototype of its class', '#0072b2'), (negative, 'NROIs', '#d55e00')):
        share = np.histogram(np.clip(values, 0, 1), edges)[0] / max(len(values), 1)
        axes.stairs(share, edges, label=f'{label} ({len(values)})', color=colour, fill=True, alpha=0.5)
    axes.set(xlabel='cosine to a query', ylabel='share', xlim=(0, 1))
    axes.legend()
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
