"""A small Mask R-CNN with FBR, and samples drawn by hand, for the tests of the detector's parts."""
import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData

CONTRACT = """
_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['mmfbr'])
model = dict(
    type='FBRDetector', base='MaskRCNN',            # the base detector's class and all its settings stay
    fbr=dict(in_channels=256, in_index=0,           # which output of the detector's neck
             supervision='mask',                    # 'mask' (full or pseudo masks) or 'box'; never guessed
             loss=dict(type='FBRLoss')))
"""
SMALL = {
    'backbone.depth': 18, 'backbone.base_channels': 4, 'backbone.init_cfg': None, 'neck.in_channels': [4, 8, 16, 32],
    'neck.out_channels': 8, 'rpn_head.in_channels': 8, 'rpn_head.feat_channels': 8,
    'roi_head.bbox_roi_extractor.out_channels': 8, 'roi_head.mask_roi_extractor.out_channels': 8,
    'roi_head.bbox_head.in_channels': 8, 'roi_head.bbox_head.fc_out_channels': 16, 'roi_head.bbox_head.num_classes': 3,
    'roi_head.mask_head.in_channels': 8, 'roi_head.mask_head.conv_out_channels': 8,
    'roi_head.mask_head.num_convs': 1, 'roi_head.mask_head.num_classes': 3, 'train_cfg.rcnn.sampler.num': 16,
    'train_cfg.rpn_proposal.max_per_img': 40, 'test_cfg.rpn.max_per_img': 20, 'test_cfg.rcnn.score_thr': 0.0,
    'test_cfg.rcnn.max_per_img': 5,
}
SMALL_FBR = {'in_channels': 8, 'channels': 16, 'loss.nroi': dict(num_clusters=3, capacity=50, channels=16),
             'loss.sampler': dict(num_negatives=12)}


def config(folder, **changes):
    """The contract's config at test size, read from a file in ``folder``; ``changes`` are keys below ``model``, with
    '__' for a dot."""
    path = folder / 'contract.py'
    path.write_text(CONTRACT)
    read = Config.fromfile(path)
    changes = {key.replace('__', '.'): value for key, value in changes.items()}
    settings = {**SMALL, **{f'fbr.{key}': value for key, value in SMALL_FBR.items()}, **changes}
    read.merge_from_dict({f'model.{key}': value for key, value in settings.items()})
    return read


def detector(model, seed=0):
    """The initialised detector of a model's config, in training mode."""
    init_default_scope('mmdet')
    MMLogger.get_current_instance().setLevel('ERROR')
    torch.manual_seed(seed)
    built = MODELS.build(model)
    built.init_weights()
    return built.train()


def sample(boxes, labels, masks=None, size=(32, 48), ignored=(), ignored_masks=None, plane=None):
    """A ``DetDataSample`` of an image of ``size`` with these annotations; masks are mmdet's, or rectangles' own."""
    from mmdet.structures import DetDataSample
    plane = plane or size
    made = DetDataSample(metainfo=dict(img_path='images/7.jpg', img_id=7, img_shape=size, ori_shape=size,
                                       pad_shape=plane, batch_input_shape=plane, scale_factor=(1.0, 1.0)))
    made.gt_instances = InstanceData(bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
                                     labels=torch.tensor(labels, dtype=torch.long))
    made.gt_instances.masks = rectangles(boxes, plane) if masks is None else masks
    made.ignored_instances = InstanceData(bboxes=torch.tensor(ignored, dtype=torch.float32).reshape(-1, 4),
                                          labels=torch.zeros(len(ignored), dtype=torch.long))
    if ignored_masks is not None:
        made.ignored_instances.masks = ignored_masks
    return made


def rectangles(boxes, size):
    """``BitmapMasks`` that fill boxes of whole numbers."""
    from mmdet.structures.mask import BitmapMasks
    masks = np.zeros((len(boxes), *size), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = 1
    return BitmapMasks(masks, *size)


def batch(samples, seed=0):
    """What mmdet's data loader gives of these samples."""
    generator = torch.Generator().manual_seed(seed)
    return dict(inputs=[torch.randint(0, 256, (3, *made.img_shape), generator=generator, dtype=torch.uint8)
                        for made in samples], data_samples=samples)
