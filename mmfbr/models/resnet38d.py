"""`ResNet38d`: the wide, shallow residual network of most weakly supervised segmentation papers."""
from mmengine.model import BaseModule
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    """Pre-activation residual block of 3 x 3 convolutions; with three ``widths`` 1 x 1, 3 x 3, 1 x 1 and dropout.

    Args:
        channels (int): of the input.
        widths (tuple[int, ...]): output channels of its convolutions, two or three of them.
        stride (int): of the first convolution and the shortcut.
        dilations (tuple[int, ...]): of its convolutions.
        dropout (float): share of channels set to 0 before each convolution but the first.
    """

    def __init__(self, channels, widths, stride=1, dilations=(1, 1), dropout=0.0):
        super().__init__()
        kernels = (3, 3) if len(widths) == 2 else (1, 3, 1)
        names = ('branch2a', 'branch2b1', 'branch2b2')[:len(widths)]
        # A block that keeps size and width hands its input on; any other projects the activated input.
        if stride != 1 or channels != widths[-1]:
            self.conv_branch1 = nn.Conv2d(channels, widths[-1], 1, stride, bias=False)
        else:
            self.conv_branch1 = None
        self.steps = []
        for name, kernel, width, dilation in zip(names, kernels, widths, dilations, strict=True):
            norm, conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, width, kernel, stride, dilation * (kernel // 2),
                                                             dilation, bias=False)
            self.add_module(f'bn_{name}', norm)
            self.add_module(f'conv_{name}', conv)
            self.steps.append((f'bn_{name}', f'conv_{name}'))
            channels, stride = width, 1
        self.dropout = dropout

    def forward(self, x):
        """(output, activated input) of ``x`` (N, C, H, W)."""
        shortcut = x
        for index, (norm, conv) in enumerate(self.steps):
            x = F.relu(getattr(self, norm)(x))
            if index == 0:
                activated = x
            elif self.dropout > 0:
                x = F.dropout2d(x, self.dropout, self.training)
            x = getattr(self, conv)(x)
        if self.conv_branch1 is not None:
            shortcut = self.conv_branch1(activated)
        return x + shortcut, activated


# Stage: (blocks, widths of a block's convolutions, stride, dilations of the first block, of the others, dropout).
STAGES = (
    (3, (128, 128), 2, (1, 1), (1, 1), 0.0),
    (3, (256, 256), 2, (1, 1), (1, 1), 0.0),
    (6, (512, 512), 2, (1, 1), (1, 1), 0.0),
    (3, (512, 1024), 1, (1, 2), (2, 2), 0.0),
    (1, (512, 1024, 2048), 1, (1, 4, 1), None, 0.3),
    (1, (1024, 2048, 4096), 1, (1, 4, 1), None, 0.5),
)


class ResNet38d(BaseModule):
    """Model A1 of Wu et al., "Wider or Deeper" (Pattern Recognition 2019), dilated to stride 8 as AffinityNet (Ahn and
    Kwak, CVPR 2018), SEAM, EPS and PPC use it.

    Its keys are those of the weights which these projects share; ``tools/convert_resnet38d.py`` makes them from the
    published MXNet file.

    Args:
        out_indices (tuple[int, ...]): stages whose maps are returned, 0 to 5: 128, 256, 512, 1024, 2048, 4096 channels
            at strides 2, 4, 8, 8, 8, 8. A map is taken after the norm and ReLU that follow its stage.
        frozen_stages (int): the stem (0) and so many stages get no gradient; -1: all are trained.
        norm_eval (bool): batch norm keeps its running statistics in training.
        with_cp (bool): recompute activations in the backward pass, for memory.
        width (float): factor on all channels, for small tests; 1 is the published network.
        init_cfg (dict): as in mmengine.

    Raises:
        ValueError: for a stage there is not.
    """

    def __init__(self, out_indices=(5, ), frozen_stages=1, norm_eval=True, with_cp=False, width=1.0, init_cfg=None):
        super().__init__(init_cfg or [dict(type='Kaiming', layer='Conv2d'),
                                      dict(type='Constant', val=1, layer='BatchNorm2d')])
        if not out_indices or not set(out_indices) <= set(range(len(STAGES))):
            raise ValueError(f'ResNet38d: out_indices are stages from 0 to {len(STAGES) - 1}; they are {out_indices}.')
        if not -1 <= frozen_stages <= len(STAGES):
            raise ValueError(f'ResNet38d: frozen_stages is from -1 to {len(STAGES)}; it is {frozen_stages}.')
        self.out_indices, self.frozen_stages = tuple(out_indices), frozen_stages
        self.norm_eval, self.with_cp = norm_eval, with_cp
        channels = round(64 * width)
        self.conv1a = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.stages = []
        for number, (count, widths, stride, first, others, dropout) in enumerate(STAGES, 2):
            widths = tuple(round(size * width) for size in widths)
            names = [f'b{number}', *(f'b{number}_{index}' for index in range(1, count))]
            for index, name in enumerate(names):
                self.add_module(name, Block(channels, widths, 1 if index else stride, others if index else first,
                                            dropout))
                channels = widths[-1]
            self.stages.append(names)
        self.bn7 = nn.BatchNorm2d(channels)
        self._freeze()

    def forward(self, x):
        """Maps of ``out_indices``, a tuple, of images (N, 3, H, W)."""
        x, maps = self.conv1a(x), []
        for names in self.stages:
            for name in names:
                block = getattr(self, name)
                recompute = self.with_cp and x.requires_grad
                x, activated = checkpoint(block, x, use_reentrant=False) if recompute else block(x)
                if name == names[0]:
                    maps.append(activated)
        maps.append(F.relu(self.bn7(x)))
        return tuple(maps[index + 1] for index in self.out_indices)  # the first map is that of the stem

    def _freeze(self):
        frozen = [name for names in self.stages[:max(self.frozen_stages, 0)] for name in names]
        for name in (['conv1a'] if self.frozen_stages >= 0 else []) + frozen:
            module = getattr(self, name).eval()
            for parameter in module.parameters():
                parameter.requires_grad = False

    def train(self, mode=True):
        """As in ``nn.Module``; what is frozen, and batch norm with ``norm_eval``, stays in eval mode."""
        super().train(mode)
        self._freeze()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
