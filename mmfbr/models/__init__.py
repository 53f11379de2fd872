"""The network parts that configs name: neck, losses, head, segmentor, preprocessor."""
from mmfbr.core import ActiveSampler, NROIBank
from mmfbr.registry import MODELS, register

from .affinity_head import AffinityHead
from .amn_head import AMNHead
from .balanced_loss import BalancedCrossEntropyLoss
from .cam_head import CAMHead
from .cam_segmentor import CAMSegmentor
from .classification_loss import MultiLabelSoftMarginLoss
from .data_preprocessor import CAMDataPreprocessor
from .deeplabv2_head import DeepLabV2Head
from .fbr_detector import FBRDetector
from .fbr_head import FBRHead
from .fbr_loss import FBRLoss
from .fbr_neck import FBRNeck
from .frozen_segmentor import FrozenEncoderDecoder
from .hybrid_vit import HybridVisionTransformer
from .irn_head import IRNHead
from .nroi_map_loss import NROIMapLoss
from .ptc_head import PatchTokenContrastLoss, PTCHead
from .resnet38d import ResNet38d
from .resnet_with_stem import ResNetWithStem
from .two_view_segmentor import TwoViewCAMSegmentor
from .view_head import ViewCAMHead
from .view_losses import EquivarianceLoss, PrototypeContrastLoss, SaliencyLoss

__all__ = [
    'ActiveSampler', 'AffinityHead', 'AMNHead', 'BalancedCrossEntropyLoss', 'CAMDataPreprocessor', 'CAMHead',
    'CAMSegmentor', 'DeepLabV2Head', 'EquivarianceLoss', 'FBRDetector', 'FBRHead', 'FBRLoss', 'FBRNeck',
    'FrozenEncoderDecoder', 'HybridVisionTransformer', 'IRNHead', 'MultiLabelSoftMarginLoss', 'NROIBank',
    'NROIMapLoss', 'PatchTokenContrastLoss', 'PrototypeContrastLoss', 'PTCHead', 'ResNet38d', 'ResNetWithStem',
    'SaliencyLoss', 'TwoViewCAMSegmentor', 'ViewCAMHead'
]

register(MODELS, ActiveSampler, AffinityHead, AMNHead, BalancedCrossEntropyLoss, CAMDataPreprocessor, CAMHead,
         CAMSegmentor, DeepLabV2Head, EquivarianceLoss, FBRDetector, FBRHead, FBRLoss, FBRNeck, FrozenEncoderDecoder,
         HybridVisionTransformer, IRNHead, MultiLabelSoftMarginLoss, NROIBank, NROIMapLoss, PatchTokenContrastLoss,
         PrototypeContrastLoss, PTCHead, ResNet38d, ResNetWithStem, SaliencyLoss, TwoViewCAMSegmentor, ViewCAMHead)
