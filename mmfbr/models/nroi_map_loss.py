"""`NROIMapLoss`: trains the class maps of a `CAMHead` by what tells an object from the background of its image."""
import torch

from mmfbr.core.gallery import GalleryBank
from mmfbr.core.nroi_maps import compare, image_parts, map_cross_entropy, ranges, usual_prior
from mmfbr.core.views import min_max, resize
from mmfbr.files import InputError

from .step_count import StepCount


class NROIMapLoss(StepCount):
    """Cross-entropy of class maps against pixels compared with class prototypes and NROIs (``core.nroi_maps``).

    Not the paper's: for ``loss_decode`` of a ``CAMHead``, beside an ``FBRLoss`` or without one. It has no parameters
    and does nothing at inference. The seeds are the class maps themselves, normalised as FBR's scores S. The head hands
    it maps whose classifier is held still, so that it trains the encoder alone.

    Args:
        in_index (int): the map of the backbone on which pixels are compared. An earlier one than the classifier's
            keeps what objects look like; the classifier's own repeats the maps.
        num_clusters (int): K, NROIs of an image, >= 1.
        sure (float): a pixel whose seed score is above makes the prototype, in [0, 1).
        unlike (float): a pixel none of whose scores reaches it is background, in (0, 1].
        tau (float): temperature of the comparison, > 0.
        prior (float | None): see ``nroi_shares``, in (0, 1). None: 0.3, and 0.1 with a gallery, where more is
            background.
        gallery (dict | None): arguments of ``GalleryBank`` but for the classes: ``channels``, those of the map, and
            sizes. With it pixels are also compared with what the classes, and images without them, look like in the
            latest training images. None: each image alone.
        margin (float): see ``nroi_shares``, in [0, 1].
        level, width (float): see ``map_cross_entropy``, in (0, 1) and > 0.
        warmup_iters (int): training steps during which it does nothing, as class maps that are not ready say little.
        loss_weight (float): factor, >= 0.
        loss_name (str): key in the log.

    Raises:
        ValueError: for an argument out of range, with its value.
    """

    def __init__(self, in_index=0, num_clusters=8, sure=0.8, unlike=0.2, tau=0.1, prior=None, gallery=None,
                 margin=0.1, level=0.4, width=0.15, warmup_iters=0, loss_weight=3.0, loss_name='loss_nroi_map'):
        super().__init__(warmup_iters)
        prior = usual_prior(gallery) if prior is None else prior
        for name, value, fits, rule in (
                *ranges(num_clusters, sure, unlike, tau, prior, margin),
                ('level', level, 0 < level < 1, 'between 0 and 1'), ('width', width, width > 0, 'positive'),
                ('warmup_iters', warmup_iters, warmup_iters >= 0, 'at least 0'),
                ('loss_weight', loss_weight, loss_weight >= 0, 'at least 0')):
            if not fits:
                raise ValueError(f'NROIMapLoss: {name} must be {rule}; it is {value!r}.')
        self.parts = dict(num_clusters=num_clusters, sure=sure, unlike=unlike)
        self.comparison = dict(tau=tau, prior=prior, margin=margin)
        self.bank, self._gallery = None, gallery
        self.in_index = in_index
        self.scale = (level, width)
        self.loss_weight, self.loss_name = loss_weight, loss_name

    def for_classes(self, number):
        """Makes room for a gallery of ``number`` foreground classes, if there is to be one."""
        if self._gallery is not None:
            self.bank = GalleryBank(num_classes=number, **self._gallery)

    @torch._disable_dynamo  # as in FBRLoss: k-means follows the data
    def forward(self, inputs, maps, present=None, valid=None, **others):
        """Scalar loss, connected to ``maps``.

        Args:
            inputs (Sequence[Tensor]): the maps of the backbone, (N, L, h, w).
            maps (Tensor): (N, C, H, W), raw maps of the foreground classes.
            present (Tensor): (N, C) bool, the image-level labels.
            valid (Tensor): (N, H, W) bool.

        Raises:
            InputError: when there is no map ``in_index``, or the head is none that hands over image-level labels.
        """
        if present is None or valid is None:
            raise InputError('NROIMapLoss works in the loss_decode of a CAMHead, which knows the image-level labels; '
                             'take it out of this head.')
        if self.training:
            self.count_step()
        if self.loss_weight == 0 or self.warming_up():
            return maps.sum() * 0.0
        inputs = [inputs] if isinstance(inputs, torch.Tensor) else inputs
        if not -len(inputs) <= self.in_index < len(inputs):
            raise InputError(f'NROIMapLoss: in_index={self.in_index}, but the backbone gives {len(inputs)} maps '
                             '(model.backbone.out_indices).')
        generator = self.step_generator(maps.device, 'NROIMapLoss')
        with torch.autocast(maps.device.type, enabled=False):
            maps = maps.float()
            feature = resize(inputs[self.in_index].detach().float(), maps.shape[2:])
            parts = image_parts(feature, min_max(maps.detach(), present, valid), present, valid, generator,
                                **self.parts)
            shares, known = compare(parts, present, gallery=self._seen(parts, present), shape=maps.shape,
                                    **self.comparison)
            return self.loss_weight * map_cross_entropy(maps, shares, known, valid, *self.scale)

    def _seen(self, parts, present):
        """The gallery, to which a training step adds its images."""
        if self.bank is None:
            return None
        if parts.nroi.shape[2] != self.bank.channels:
            raise InputError(f'NROIMapLoss: the map of in_index={self.in_index} has {parts.nroi.shape[2]} channels, '
                             f'gallery.channels says {self.bank.channels}.')
        if self.training:
            self.bank.push(parts.nroi, parts.exists, parts.prototypes, parts.sure & present, present)
        return self.bank.gallery()

    def forget(self):
        """Starts with an empty gallery, too."""
        super().forget()
        if self.bank is not None:
            self.bank.clear()
