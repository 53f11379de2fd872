"""`ViewCAMHead`: a CAM head for hosts that compare views, refine their maps, or have a map of the background."""
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmfbr.core.views import cam_view
from mmfbr.files import InputError

from .cam_head import CAMHead, valid_pixels
from .fbr_loss import FBRLoss
from .pixel_correlation import PixelCorrelation
from .saliency import stack_saliency
from .view_losses import ViewLoss


@dataclass(frozen=True, eq=False)
class CamView:
    """What a head knows of a batch seen at one size.

    Attributes:
        feature (Tensor): (N, L, H, W), the map that is classified.
        cam (Tensor): (N, C, H, W) raw class maps; the background's is 0 where it has no classifier.
        refined (Tensor | None): (N, C, H, W) scores of the pixel correlation module, in [0, 1].
        logits (Tensor): (N, C - 1), of the image's foreground classes.
        present (Tensor): (N, C) bool, image-level labels and the background.
        valid (Tensor): (N, H, W) bool, not padding.
        saliency (Tensor | None): (N, H, W) in [0, 1].
        fbr (Tensor | None): FBR's loss of this view, scalar.
    """
    feature: Tensor
    cam: Tensor
    refined: Tensor | None
    logits: Tensor
    present: Tensor
    valid: Tensor
    saliency: Tensor | None
    fbr: Tensor | None


class ViewCAMHead(CAMHead):
    """``CAMHead`` whose losses may be ``ViewLoss``es, which get the ``CamView``s of all views of a batch.

    Losses of image logits and FBR are means over the views. Each view has an ``FBRLoss`` of its own, with its own bank:
    the first one listed is that of the first view. Masks are made from the refined maps where there is a pixel
    correlation module, else from the softmax where the background has a map, else from the raw maps.

    Args:
        background (bool): the background has a classifier too, and scores are the softmax over all C maps.
        pcm (dict | None): arguments of ``PixelCorrelation``. The head's inputs then end with the image, so ``in_index``
            counts from the front.
        dropout (float): share of the channels of the classified map that are set to 0 in training.
        kwargs: as ``CAMHead``.
    """

    def __init__(self, *args, background=False, pcm=None, dropout=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        if pcm is not None and min(self.in_index, *pcm['in_index']) < 0:
            raise InputError('ViewCAMHead: with a pixel correlation module the last input is the image; in_index and '
                             f'pcm.in_index count from 0. They are {self.in_index} and {pcm["in_index"]}.')
        self.background, self.dropout = background, dropout
        if background:
            self.classifier = nn.Conv2d(self.in_channels, self.num_classes, 1, bias=False)
        self.pcm = None if pcm is None else PixelCorrelation(**pcm)
        self.fbr_losses = tuple(loss for loss in self.loss_decode if isinstance(loss, FBRLoss))

    def forward(self, inputs):
        """Maps (N, C - 1, H, W) of the foreground that masks are made from."""
        cam = self.raw_maps(self._select(inputs))
        valid = torch.ones_like(cam[:, 0], dtype=torch.bool)
        return self._best(cam, self._refine(cam, inputs, valid))[:, self.foreground]

    def raw_maps(self, feature):
        """Class maps (N, C, H, W); 0 for a background without a classifier."""
        maps = self.classifier(feature)
        return maps if self.background else self.full_maps(maps, 0.0)

    def _refine(self, cam, inputs, valid):
        return None if self.pcm is None else self.pcm(cam, inputs, valid, self.bg_index)

    def _best(self, cam, refined):
        return refined if refined is not None else cam.float().softmax(1) if self.background else cam

    def classify(self, feature, valid):
        """As in ``CAMHead``; a background with a classifier has no image logit."""
        if not self.background:
            return super().classify(feature, valid)
        logits = self.classifier(self.pool(feature, valid)[..., None, None]).flatten(1)[:, self.foreground]
        return logits if self.bias is None else logits + self.bias

    def loss(self, inputs, batch_data_samples, train_cfg=None):
        """The losses of a batch seen once.

        Raises:
            InputError: when there is an ``FBRLoss`` for a second view.
        """
        if len(self.fbr_losses) > 1:
            raise InputError(f'ViewCAMHead: {len(self.fbr_losses)} FBRLosses are for as many views, but the model sees '
                             'a batch once. Leave one, or take TwoViewCAMSegmentor.')
        return self.view_losses([self.look(inputs, batch_data_samples)])

    def look(self, inputs, samples, number=0):
        """The ``CamView`` of ``inputs``, view ``number`` of the batch. FBR reads the network's latest map, so this is
        called before the next view passes through the network."""
        feature = self._select(inputs)
        valid = valid_pixels(feature, samples)
        present = self._labels(samples).to(feature.device)
        present[:, self.bg_index] = True
        dropped = F.dropout2d(feature, self.dropout, self.training and self.dropout > 0)
        cam, logits = self.raw_maps(dropped).float(), self.classify(dropped, valid)
        refined, fbr = self._refine(cam, inputs, valid), None
        if self.fbr_losses:
            fbr = self.fbr_losses[number].contrast(
                lambda: self._pixels(self._best(cam, refined).detach(), present, valid), logits)
        return CamView(feature, cam, refined, logits, present, valid, stack_saliency(samples, cam), fbr)

    def view_losses(self, views):
        """The losses of the views of a batch, by name."""
        losses, labels = {}, views[0].present[:, self.foreground]
        for loss in self.loss_decode:
            if isinstance(loss, ViewLoss):
                with torch.autocast(labels.device.type, enabled=False):  # differences of views are small
                    losses.update(loss(views, self.bg_index))
            elif not isinstance(loss, FBRLoss):
                losses[loss.loss_name] = sum(loss(view.logits, labels) for view in views) / len(views)
        if self.fbr_losses:
            losses[self.fbr_losses[0].loss_name] = sum(view.fbr for view in views) / len(views)
        return losses

    @torch.no_grad()
    def pixel_view(self, inputs, present, valid=None):
        """As in ``CAMHead``, of the maps that masks are made from."""
        maps = self.full_maps(self.forward(inputs).float(), 0.0)
        valid = torch.ones_like(maps[:, 0], dtype=torch.bool) if valid is None else valid
        return self._pixels(maps, present.to(maps.device), valid)

    def _pixels(self, maps, present, valid):
        return cam_view(maps, present, valid, self.bg_index, self.bg_score, self.temperature)
