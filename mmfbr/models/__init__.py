"""The network parts that configs name: neck, losses, head, segmentor, preprocessor."""
from mmfbr.core import ActiveSampler, NROIBank
from mmfbr.registry import MODELS, register

from .cam_head import CAMHead
from .cam_segmentor import CAMSegmentor
from .classification_loss import MultiLabelSoftMarginLoss
from .data_preprocessor import CAMDataPreprocessor
from .deeplabv2_head import DeepLabV2Head
from .fbr_detector import FBRDetector
from .fbr_head import FBRHead
from .fbr_loss import FBRLoss
from .fbr_neck import FBRNeck
from .resnet38d import ResNet38d

__all__ = [
    'ActiveSampler', 'CAMDataPreprocessor', 'CAMHead', 'CAMSegmentor', 'DeepLabV2Head', 'FBRDetector', 'FBRHead',
    'FBRLoss', 'FBRNeck', 'MultiLabelSoftMarginLoss', 'NROIBank', 'ResNet38d'
]

register(MODELS, ActiveSampler, CAMDataPreprocessor, CAMHead, CAMSegmentor, DeepLabV2Head, FBRDetector, FBRHead,
         FBRLoss, FBRNeck, MultiLabelSoftMarginLoss, NROIBank, ResNet38d)
