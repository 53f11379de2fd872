"""`FrozenEncoderDecoder`: a segmentor whose heads learn on a backbone that stays what it was."""
import torch
from mmseg.models import EncoderDecoder


class FrozenEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` that leaves its backbone as it was loaded, batch statistics included, whichever it is."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.backbone.requires_grad_(False)

    def train(self, mode=True):
        """As in ``nn.Module``; the backbone stays in eval mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    def extract_feat(self, inputs):
        """As in ``EncoderDecoder``, without a graph through the backbone."""
        with torch.no_grad():
            features = self.backbone(inputs)
        return self.neck(features) if self.with_neck else features
