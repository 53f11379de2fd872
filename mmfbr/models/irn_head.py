"""`IRNHead`: class boundaries and displacements to the centre of an object, learned from labels of the sure pixels."""
import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModule
from torch import nn
from torch.nn import functional as F

from mmfbr.core import affinity_loss, displacement_losses, path_affinities, relations

from .label_maps import label_maps


class IRNHead(BaseModule):
    """The two branches of IRNet (Ahn et al., CVPR 2019) on maps of several levels.

    A boundary is what raises the path affinities' loss least: pixels of one class have no boundary between them, pixels
    of two classes have one. Labels of sure pixels are enough, all others are ignored. What the head predicts as a
    segmentor is the boundary, one channel of logits.

    Args:
        in_channels (Sequence[int]): channels of the levels, from the finest.
        strides (Sequence[int]): of the levels, ascending; the outputs have the first.
        in_index (Sequence[int] | None): which maps the levels are; None: all.
        boundary_channels (int): of each level in the boundary's branch.
        field_channels (Sequence[int] | None): of each level in the displacements' branch; None: the level's own, at
            most 256. The last is also that of the maps that levels are merged into.
        radius (int): of the pairs that the losses look at, in cells.
        bg_index, ignore_index (int): labels of the background, and of pixels that are not sure.
        init_cfg (dict): as in mmengine.

    Raises:
        ValueError: for levels that do not ascend or whose numbers differ.
    """
    align_corners, num_classes, out_channels, threshold = False, 1, 1, 0.5  # what mmseg asks of a head

    def __init__(self, in_channels, strides, in_index=None, boundary_channels=32, field_channels=None, radius=10,
                 bg_index=0, ignore_index=255, init_cfg=None):
        super().__init__(init_cfg)
        self.in_index, self.strides = list(in_index or range(len(in_channels))), list(strides)
        widths = list(field_channels or (min(256, channels) for channels in in_channels))
        if not len(in_channels) == len(strides) == len(self.in_index) == len(widths):
            raise ValueError('IRNHead: in_channels, strides, in_index and field_channels have an entry a level; they '
                             f'are {in_channels}, {strides}, {in_index} and {field_channels}.')
        if sorted(strides) != self.strides or strides[0] == strides[-1]:
            raise ValueError(f'IRNHead: strides ascend from the finest level to a coarser one; they are {strides}.')
        self.radius, self.bg_index, self.ignore_index = radius, bg_index, ignore_index
        self.boundary = nn.ModuleList(_reduced(channels, boundary_channels, 4) for channels in in_channels)
        self.boundary_out = nn.Conv2d(boundary_channels * len(in_channels), 1, 1)
        self.field = nn.ModuleList(map(_reduced, in_channels, widths))
        self.fine, merged = self.strides.count(strides[0]), widths[-1]
        self.field_coarse = _reduced(sum(widths[self.fine:]), merged)
        self.field_out = nn.Sequential(_reduced(sum(widths[:self.fine]) + merged, merged), nn.ReLU(),
                                       nn.Conv2d(merged, 2, 1, bias=False))
        # Differences of displacements are all that is learned: where the field as a whole points to is left open, and
        # its mean over the training is taken off.
        self.register_buffer('mean', torch.zeros(2))

    def forward(self, inputs):
        """Logits (N, 1, H, W) of boundaries, and displacements (N, 2, H, W), y and x in cells."""
        levels = [inputs[index] for index in self.in_index]
        finest, middle = self.strides[0], self.strides[self.fine]
        boundary = torch.cat([self._at(finest, stride, layers(x), levels[0])
                              for x, stride, layers in zip(levels, self.strides, self.boundary, strict=True)], 1)
        field = [layers(x) for x, layers in zip(levels, self.field, strict=True)]
        coarse = torch.cat([self._at(middle, stride, x, levels[self.fine])
                            for x, stride in zip(field[self.fine:], self.strides[self.fine:], strict=True)], 1)
        coarse = self._at(finest, middle, self.field_coarse(coarse), levels[0])
        field = self.field_out(torch.cat([*map(F.relu, field[:self.fine]), coarse], 1))
        if self.training:
            with torch.no_grad():
                mean = field.float().mean((0, 2, 3))
                all_reduce(mean, 'mean')
                self.mean.lerp_(mean, 0.1)
            return self.boundary_out(boundary), field
        return self.boundary_out(boundary), field - self.mean[:, None, None]

    @staticmethod
    def _at(target, stride, x, like):
        """``x`` of a ``stride``, activated, at the stride ``target`` and the size of ``like``."""
        if stride != target:  # cell i lies at pixel i * stride, whatever is left at the border
            x = F.interpolate(x, scale_factor=stride // target, mode='bilinear', align_corners=False)
        return F.relu(x[..., :like.shape[2], :like.shape[3]])

    def loss(self, inputs, batch_data_samples, train_cfg=None):
        """``loss_boundary`` and ``loss_field`` of a batch with label maps."""
        logits, field = self.forward(inputs)
        labels = label_maps(batch_data_samples, field.shape[2:])
        labelled = relations(labels, self.radius, self.bg_index, self.ignore_index)
        affinity = path_affinities(logits[:, 0].float().sigmoid(), self.radius)
        foreground, background = displacement_losses(field.float(), labelled, self.radius)
        return dict(loss_boundary=affinity_loss(affinity, labelled), loss_field=(foreground + background) / 2)

    def predict(self, inputs, batch_img_metas, test_cfg=None):
        """Logits (N, 1, h, w) of boundaries at the size of the images."""
        size = batch_img_metas[0].get('pad_shape') or batch_img_metas[0]['img_shape']
        return F.interpolate(self.forward(inputs)[0], tuple(size[:2]), mode='bilinear', align_corners=False)


def _reduced(channels, width, groups=None):
    return nn.Sequential(nn.Conv2d(channels, width, 1, bias=False),
                         nn.GroupNorm(groups or max(1, min(16, width // 8)), width))
