"""`TwoViewCAMSegmentor`: trains a CAM network on two sizes of each batch, with the same weights."""
from mmseg.utils import add_prefix

from mmfbr.core.views import resize
from mmfbr.files import InputError

from .cam_segmentor import CAMSegmentor


class TwoViewCAMSegmentor(CAMSegmentor):
    """``CAMSegmentor`` whose training batches pass the network twice, as they are and smaller; inference is the same.

    The head's inputs are the maps of backbone and neck and, last, the image: ``ViewCAMHead``'s pixel correlation reads
    colours. FBR, if the config has it, looks at each view while it is the network's latest, with a bank for each.

    Args:
        view_scale (float): size of the second view, a factor of the first one's, in (0, 1].
        kwargs: as ``CAMSegmentor``; ``decode_head`` is a ``ViewCAMHead``.

    Raises:
        InputError: for another head, a factor out of range, or FBR for one of the views only.
    """

    def __init__(self, *args, view_scale=0.3, **kwargs):
        super().__init__(*args, **kwargs)
        if not 0 < view_scale <= 1:
            raise InputError(f'TwoViewCAMSegmentor: view_scale is a factor, above 0 and up to 1; it is {view_scale!r}.')
        if not hasattr(self.decode_head, 'view_losses'):
            raise InputError('TwoViewCAMSegmentor needs a ViewCAMHead as decode_head; it is '
                             f'{type(self.decode_head).__name__}.')
        if len(self.decode_head.fbr_losses) not in (0, 2):
            raise InputError('TwoViewCAMSegmentor: each of the two views has an FBRLoss of its own, with its own bank; '
                             f'loss_decode has {len(self.decode_head.fbr_losses)}.')
        self.view_scale = view_scale

    def extract_feat(self, inputs):
        """The maps of backbone and neck, and the image, in a tuple."""
        maps = super().extract_feat(inputs)
        return (*([maps] if hasattr(maps, 'shape') else maps), inputs)

    def loss(self, inputs, data_samples):
        """The losses of a batch (N, 3, H, W) in its two sizes."""
        small = resize(inputs, [max(1, round(side * self.view_scale)) for side in inputs.shape[2:]])
        views = [self.decode_head.look(self.extract_feat(pixels), data_samples, number)
                 for number, pixels in enumerate((inputs, small))]
        return add_prefix(self.decode_head.view_losses(views), 'decode')
