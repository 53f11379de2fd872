"""The rows of mmdet's matrix: a config that mmdet ships, the lines that add FBR to it, and what shrinks it."""
from dataclasses import dataclass, field

FBR = """type='FBRDetector', base='{base}',
    fbr=dict(in_channels={channels}, in_index={index}, supervision='{supervision}', loss=dict(type='FBRLoss'))"""


@dataclass(frozen=True)
class Row:
    """One detector with FBR.

    Attributes:
        name (str): id of the test.
        config (str): config below ``mmdet::``.
        base (str): the detector's class.
        channels, index (int): of the map that FBR reads.
        supervision (str): 'mask' or 'box'.
        shrink (dict): dotted keys below ``model.`` and values that make the model fast enough for a test.
        size (tuple[int, int]): height and width of the images.
    """
    name: str
    config: str
    base: str
    channels: int
    index: int = 0
    supervision: str = 'mask'
    shrink: dict = field(default_factory=dict)
    size: tuple = (64, 96)

    @property
    def text(self):
        """The config as a user writes it."""
        lines = FBR.format(base=self.base, channels=self.channels, index=self.index, supervision=self.supervision)
        return (f"_base_ = 'mmdet::{self.config}'\ncustom_imports = dict(imports=['mmfbr'])\n"
                f'model = dict(\n    {lines})\n')


RESNET = {'backbone.base_channels': 8}
FPN = {**RESNET, 'neck.in_channels': [32, 64, 128, 256], 'neck.out_channels': 32, 'fbr.in_channels': 32}
RPN = {**FPN, 'rpn_head.in_channels': 32, 'rpn_head.feat_channels': 32, 'train_cfg.rpn_proposal.max_per_img': 40,
       'test_cfg.rpn.max_per_img': 20, 'test_cfg.rcnn.score_thr': 0.0, 'test_cfg.rcnn.max_per_img': 10,
       'roi_head.bbox_roi_extractor.out_channels': 32, 'roi_head.mask_roi_extractor.out_channels': 32}
BOX, MASK = {'in_channels': 32, 'fc_out_channels': 32}, {'in_channels': 32, 'conv_out_channels': 32, 'num_convs': 1}


def below(key, settings):
    return {f'{key}.{name}': value for name, value in settings.items()}


MASK_RCNN = {**RPN, **below('roi_head.bbox_head', BOX), **below('roi_head.mask_head', MASK),
             'train_cfg.rcnn.sampler.num': 16}
CASCADE = {**RPN, **below('roi_head.mask_head', MASK)}
for stage in range(3):
    CASCADE.update({**below(f'roi_head.bbox_head.{stage}', BOX), f'train_cfg.rcnn.{stage}.sampler.num': 16})
SOLO = {**FPN, **below('mask_head', {'in_channels': 32, 'feat_channels': 32, 'stacked_convs': 1,
                                     'mask_feature_head.feat_channels': 32, 'mask_feature_head.out_channels': 32}),
        **below('test_cfg', {'score_thr': 0.0, 'filter_thr': 0.0, 'max_per_img': 10, 'nms_pre': 20})}
COND = {**FPN, **below('bbox_head', {'in_channels': 32, 'feat_channels': 32, 'stacked_convs': 1}),
        **below('mask_head.mask_feature_head', {'in_channels': 32, 'feat_channels': 16, 'num_stacked_convs': 1}),
        'test_cfg.score_thr': 0.0, 'test_cfg.max_per_img': 10}
RTMDET = {'backbone.widen_factor': 0.125, 'neck.in_channels': [32, 64, 128], 'neck.out_channels': 32,
          'bbox_head.in_channels': 32, 'bbox_head.feat_channels': 32, 'fbr.in_channels': 32,
          'test_cfg.score_thr': 0.0, 'test_cfg.max_per_img': 10}
MASK2FORMER = {**RESNET, 'fbr.in_channels': 32, 'data_preprocessor.batch_augments.0.size': (64, 96),
               **below('panoptic_head', {
                   'in_channels': [32, 64, 128, 256], 'num_queries': 10, 'transformer_decoder.num_layers': 2,
                   'pixel_decoder.encoder.num_layers': 1}), 'train_cfg.num_points': 64, 'test_cfg.max_per_image': 10}

ROWS = [
    Row('mask-rcnn', 'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', 'MaskRCNN', 256, shrink=MASK_RCNN),
    Row('mask-rcnn-box', 'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', 'MaskRCNN', 256, 1, 'box', shrink=MASK_RCNN),
    Row('cascade-mask-rcnn', 'cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py', 'CascadeRCNN', 256, shrink=CASCADE),
    Row('solov2', 'solov2/solov2_r50_fpn_1x_coco.py', 'SOLOv2', 256, shrink=SOLO),
    Row('condinst', 'condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py', 'CondInst', 256, shrink=COND),
    Row('boxinst', 'boxinst/boxinst_r50_fpn_ms-90k_coco.py', 'BoxInst', 256, 0, 'box', shrink=COND),
    Row('rtmdet-ins', 'rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py', 'RTMDet', 96, shrink=RTMDET),
    Row('mask2former', 'mask2former/mask2former_r50_8xb2-lsj-50e_coco.py', 'Mask2Former', 256, 0, shrink=MASK2FORMER),
]
