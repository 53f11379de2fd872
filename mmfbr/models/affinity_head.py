"""`AffinityHead`: features whose distances are the affinities of AffinityNet."""
import torch
from mmengine.model import BaseModule
from torch import nn
from torch.nn import functional as F

from mmfbr.core import affinity_loss, feature_affinities, relations
from mmfbr.files import InputError

from .label_maps import label_maps


class AffinityHead(BaseModule):
    """AffinityNet (Ahn and Kwak, CVPR 2018): maps of several levels, reduced, joined and mixed.

    Args:
        in_channels (Sequence[int]): channels of the levels; all maps have the first one's size, or are brought to it.
        in_index (Sequence[int] | None): which maps the levels are; None: all.
        channels (Sequence[int]): of the levels when reduced.
        radius (int): of the pairs that the loss looks at, in cells.
        bg_index, ignore_index (int): labels of the background, and of pixels that are not sure.
        init_cfg (dict): as in mmengine.

    Raises:
        ValueError: when the numbers of levels differ.
    """
    align_corners, num_classes, out_channels, threshold = False, 1, 1, 0.5  # what mmseg asks of a head

    def __init__(self, in_channels, in_index=None, channels=(64, 128, 256), radius=5, bg_index=0, ignore_index=255,
                 init_cfg=None):
        super().__init__(init_cfg)
        self.in_index = list(in_index or range(len(in_channels)))
        if not len(in_channels) == len(self.in_index) == len(channels):
            raise ValueError('AffinityHead: in_channels, in_index and channels have an entry a level; they are '
                             f'{in_channels}, {in_index} and {channels}.')
        self.radius, self.bg_index, self.ignore_index = radius, bg_index, ignore_index
        self.reduce = nn.ModuleList(nn.Conv2d(size, width, 1, bias=False)
                                    for size, width in zip(in_channels, channels, strict=True))
        self.mix = nn.Conv2d(sum(channels), sum(channels), 1, bias=False)
        for layer in self.reduce:
            nn.init.kaiming_normal_(layer.weight)
        nn.init.xavier_uniform_(self.mix.weight, gain=4)  # affinities that differ from the start

    def forward(self, inputs):
        """Features (N, L, H, W) whose L1 distances make ``feature_affinities``."""
        levels = [F.elu(layer(inputs[index])) for layer, index in zip(self.reduce, self.in_index, strict=True)]
        levels = [x if x.shape[2:] == levels[0].shape[2:] else
                  F.interpolate(x, levels[0].shape[2:], mode='bilinear', align_corners=False) for x in levels]
        return F.elu(self.mix(torch.cat(levels, 1)))

    def loss(self, inputs, batch_data_samples, train_cfg=None):
        """``loss_affinity`` of a batch with label maps."""
        features = self.forward(inputs).float()
        labels = label_maps(batch_data_samples, features.shape[2:])
        labelled = relations(labels, self.radius, self.bg_index, self.ignore_index)
        return dict(loss_affinity=affinity_loss(feature_affinities(features, self.radius), labelled))

    def predict(self, inputs, batch_img_metas, test_cfg=None):
        """Raises InputError: affinities are no segmentation."""
        raise InputError('An AffinityHead predicts affinities of pixels, no segmentation. Use it by '
                         'tools/make_pseudo_masks.py --refine psa.')
