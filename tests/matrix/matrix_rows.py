"""The rows of the matrix: a config that mmseg ships, the lines that add FBR to it, and what shrinks it for a test."""
from dataclasses import dataclass, field

CROSS_ENTROPY = "dict(type='CrossEntropyLoss', loss_weight=1.0)"
SIGMOID = "dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0)"
FBR = "dict(type='FBRLoss')"


@dataclass(frozen=True)
class Row:
    """One config with FBR.

    Attributes:
        name (str): id of the test.
        base (str): config below ``mmseg::``.
        model (str): the content of ``model = dict(...)`` that a user writes over it.
        shrink (dict): dotted config keys and values that make the model fast enough for a test.
        width (int): the test's model has this many times fewer channels in the map that FBR reads.
        keys (tuple[str]): where the log shows FBR; each after the first is a connected zero.
        refused (str): part of the sentence that refuses the config, '' when it trains.
        imports (str): what ``custom_imports`` lists.
        own (bool): the lines change more than losses and neck, so only what is left without FBR is compared with.
        size (int): side of the images, pixels.
    """
    name: str
    base: str
    model: str
    shrink: dict = field(default_factory=dict)
    width: int = 1
    keys: tuple = ('decode.loss_fbr',)
    refused: str = ''
    imports: str = "'mmfbr'"
    own: bool = False
    size: int = 64

    @property
    def text(self):
        """The config as a user writes it."""
        return (f"_base_ = 'mmseg::{self.base}'\ncustom_imports = dict(imports=[{self.imports}])\n"
                f'model = dict(\n    {self.model})\n')


def head(channels, index, host=CROSS_ENTROPY):
    """The lines over a base without a neck."""
    return (f"neck=dict(type='FBRNeck', in_channels={channels}, in_index={index}),\n"
            f'    decode_head=dict(loss_decode=[{host}, {FBR}])')


def inside(channels, index, rest=f'decode_head=dict(loss_decode=[{CROSS_ENTROPY}, {FBR}])'):
    """The lines over a base that has a neck of its own."""
    return (f"neck=dict(_delete_=True, type='FBRNeck', neck={{{{_base_.model.neck}}}}, in_channels={channels}, "
            f'in_index={index}),\n    {rest}')


def beside(channels, index, classes):
    """The lines for heads with losses of their own."""
    return (f"neck=dict(type='FBRNeck', in_channels={channels}, in_index={index}),\n"
            f"    auxiliary_head=dict(type='FBRHead', num_classes={classes})")


def thin(decode=512, auxiliary=256, read=512, **more):
    """A quarter of the channels in a ResNet and less in its heads."""
    keys = {'backbone.base_channels': 16, 'neck.in_channels': read, 'decode_head.in_channels': decode,
            'decode_head.channels': 64, **more}
    if auxiliary:
        keys.update({'auxiliary_head.in_channels': auxiliary, 'auxiliary_head.channels': 64})
    return dict(width=4, shrink={f'model.{key}': value for key, value in keys.items()})


def restated(place):
    """A cascade's heads (OCRNet), with FBR in one of them; the test data have 21 classes."""
    common = ("in_channels=[18, 36, 72, 144], in_index=(0, 1, 2, 3), input_transform='resize_concat', num_classes=21, "
              "norm_cfg=dict(type='SyncBN', requires_grad=True)")
    losses = [f'[{CROSS_ENTROPY}]' if index != place else f'[{CROSS_ENTROPY}, {FBR}]' for index in range(2)]
    return (f"neck=dict(type='FBRNeck', in_channels=144, in_index=3),\n"
            f"    decode_head=[\n        dict(type='FCNHead', channels=270, kernel_size=1, num_convs=1, "
            f'concat_input=False, dropout_ratio=-1, {common}, loss_decode={losses[0]}),\n'
            f"        dict(type='OCRHead', channels=512, ocr_channels=256, dropout_ratio=-1, {common}, "
            f'loss_decode={losses[1]})]')


def pointrend(place):
    """PointRend's two heads, with FBR in one of them."""
    losses = [f'[{CROSS_ENTROPY}]' if index != place else f'[{CROSS_ENTROPY}, {FBR}]' for index in range(2)]
    return inside(256, 0, (
        "decode_head=[\n        dict(type='FPNHead', in_channels=[256] * 4, in_index=[0, 1, 2, 3], channels=128, "
        "feature_strides=[4, 8, 16, 32], dropout_ratio=-1, num_classes=150, "
        f"norm_cfg=dict(type='SyncBN', requires_grad=True), loss_decode={losses[0]}),\n        "
        "dict(type='PointHead', in_channels=[256], in_index=[0], channels=256, num_fcs=3, dropout_ratio=-1, "
        f'num_classes=150, loss_decode={losses[1]})]'))


FPN_NECK = {'model.backbone.base_channels': 16, 'model.neck.neck.in_channels': [64, 128, 256, 512]}
VIT = {'model.backbone.num_layers': 4, 'model.backbone.out_indices': (0, 1, 2, 3)}
VIT_L = {**VIT, 'model.backbone.embed_dims': 256, 'model.backbone.num_heads': 4}
VIT_B = {**VIT, 'model.backbone.embed_dims': 192, 'model.backbone.num_heads': 3}
HRNET = {f'model.backbone.extra.stage{stage}.num_modules': 1 for stage in (3, 4)}
MASK = {'model.backbone.base_channels': 16, 'model.decode_head.in_channels': [64, 128, 256, 512],
        'model.decode_head.num_queries': 10, 'model.decode_head.transformer_decoder.num_layers': 3}
MASK2 = {**MASK, 'model.decode_head.pixel_decoder.encoder.num_layers': 1,
         'model.decode_head.train_cfg.num_points': 64}
READS = {'model.neck.in_channels': 512}
MASK_TYPES = "'mmdet.models', 'mmfbr'"
SETR_AUX = {f'model.auxiliary_head.{i}.{key}': value for i in range(3)
            for key, value in {'in_channels': 256, 'channels': 32}.items()}
DDR = 'ddrnet/ddrnet_23-slim_in1k-pre_2xb6-120k_cityscapes-1024x1024.py'
MASK2FORMER = 'mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py'
MASKFORMER = 'maskformer/maskformer_r50-d32_8xb2-160k_ade20k-512x512.py'
POINTREND = 'point_rend/pointrend_r50_4xb4-160k_ade20k-512x512.py'
OCRNET = 'ocrnet/ocrnet_hr18s_4xb4-20k_voc12aug-512x512.py'
BINARY = ("neck=dict(type='FBRNeck', in_channels=2048, in_index=3),\n"
          f'    decode_head=dict(num_classes=2, out_channels=1, threshold=0.5, loss_decode=[{SIGMOID}, {FBR}]),\n'
          f'    auxiliary_head=dict(num_classes=2, out_channels=1, threshold=0.5, loss_decode={SIGMOID})')

ROWS = [
    Row('fcn-r50', 'fcn/fcn_r50-d8_4xb4-20k_voc12aug-512x512.py', head(2048, 3), **thin()),
    Row('fcn-r50-binary', 'fcn/fcn_r50-d8_4xb4-20k_voc12aug-512x512.py', BINARY, own=True, **thin()),
    Row('pspnet-r50', 'pspnet/pspnet_r50-d8_4xb4-20k_voc12aug-512x512.py', head(1024, 2), **thin(read=256)),
    Row('deeplabv3-r50', 'deeplabv3/deeplabv3_r50-d8_4xb4-20k_voc12aug-512x512.py', head(2048, -1), **thin()),
    Row('deeplabv3plus-r50', 'deeplabv3plus/deeplabv3plus_r50-d8_4xb4-20k_voc12aug-512x512.py', head(2048, 3),
        **thin(**{'decode_head.c1_in_channels': 64})),
    Row('danet-r50', 'danet/danet_r50-d8_4xb4-20k_voc12aug-512x512.py', head(2048, 3), **thin(),
        keys=('decode.pam_cam.loss_fbr', 'decode.pam.loss_fbr', 'decode.cam.loss_fbr')),
    Row('upernet-swin', 'swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py', head(768, 3),
        width=4, shrink={'model.backbone.embed_dims': 24, 'model.backbone.depths': [1, 1, 1, 1],
                         'model.neck.in_channels': 192, 'model.decode_head.in_channels': [24, 48, 96, 192],
                         'model.decode_head.channels': 64, 'model.auxiliary_head.in_channels': 96}),
    Row('segformer-mit', 'segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py', head(256, 3)),
    Row('segmenter-vit', 'segmenter/segmenter_vit-s_mask_8xb1-160k_ade20k-512x512.py', head(384, 0),
        shrink={'model.backbone.num_layers': 4}),
    Row('setr-pup-vit', 'setr/setr_vit-l_pup_8xb2-160k_ade20k-512x512.py', head(1024, 3), width=4,
        shrink={**VIT_L, **SETR_AUX, 'model.neck.in_channels': 256, 'model.decode_head.in_channels': 256,
                'model.decode_head.channels': 32}),
    Row('setr-mla-vit', 'setr/setr_vit-l_mla_8xb2-160k_ade20k-512x512.py', inside(256, 3),
        shrink={**VIT_L, 'model.neck.neck.in_channels': [256] * 4, 'model.decode_head.mla_channels': 32,
                'model.decode_head.channels': 128}),
    Row('dpt-vit', 'dpt/dpt_vit-b16_8xb2-160k_ade20k-512x512.py', head(768, 3), width=4,
        shrink={**VIT_B, 'model.neck.in_channels': 192, 'model.decode_head.in_channels': (192,) * 4,
                'model.decode_head.embed_dims': 192, 'model.decode_head.channels': 32,
                'model.decode_head.post_process_channels': [24, 48, 96, 192]}),
    Row('ocrnet-hrnet-first', OCRNET, restated(0), own=True, keys=('decode_0.loss_fbr',), shrink=HRNET),
    Row('ocrnet-hrnet-last', OCRNET, restated(1), own=True, keys=('decode_1.loss_fbr',), shrink=HRNET),
    Row('bisenetv2', 'bisenetv2/bisenetv2_fcn_4xb4-160k_cityscapes-1024x1024.py', head(128, 0),
        shrink={'model.decode_head.channels': 64, 'model.auxiliary_head.3.channels': 64}),
    Row('fast-scnn', 'fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024.py', head(128, -1, SIGMOID)),
    Row('semantic-fpn-r50', 'sem_fpn/fpn_r50_4xb4-160k_ade20k-512x512.py', inside(256, 0), shrink=FPN_NECK),
    Row('deeplabv3plus-mobilenetv2', 'mobilenet_v2/mobilenet-v2-d8_deeplabv3plus_4xb4-160k_ade20k-512x512.py',
        head(320, 3), shrink={'model.decode_head.channels': 64}),
    Row('lraspp-mobilenetv3', 'mobilenet_v3/mobilenet-v3-d8-scratch-s_lraspp_4xb4-320k_cityscapes-512x1024.py',
        head(576, 2), size=392),  # its head pools 49 x 49 cells
    Row('pointrend-coarse-head', POINTREND, pointrend(0), own=True, shrink=FPN_NECK, keys=('decode_0.loss_fbr',)),
    Row('ddrnet-fbr-head', DDR, beside(128, 1, 19), keys=('aux.loss_fbr',)),
    Row('mask2former-fbr-head', MASK2FORMER, beside(2048, 3, 150), width=4, keys=('aux.loss_fbr',),
        shrink={**MASK2, **READS}, imports=MASK_TYPES),
    Row('maskformer-fbr-head', MASKFORMER, beside(2048, 3, 150), width=4, keys=('aux.loss_fbr',),
        shrink={**MASK, **READS}),
    Row('pointrend-point-head', POINTREND, pointrend(1), shrink=FPN_NECK, refused='samples single points'),
    Row('ddrnet-decode-head', DDR, (
        "neck=dict(type='FBRNeck', in_channels=128, in_index=1),\n    decode_head=dict(loss_decode=["
        "dict(type='OhemCrossEntropy'), dict(type='OhemCrossEntropy', loss_weight=0.4), " f'{FBR}])'),
        refused='calls two losses by position'),
    Row('mask2former-decode-head', MASK2FORMER, head(2048, 3), shrink={**MASK2, **READS}, width=4,
        refused='does not read loss_decode', imports=MASK_TYPES),
    Row('maskformer-decode-head', MASKFORMER, head(2048, 3), shrink={**MASK, **READS}, width=4,
        refused='does not read loss_decode'),
]
