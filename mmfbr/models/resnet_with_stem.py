"""`ResNetWithStem`: mmseg's ResNet that also returns the map of its stem."""
from mmseg.models import ResNet


class ResNetWithStem(ResNet):
    """``ResNet`` (``deep_stem=True``: ResNetV1c) with the stem's map, at stride 4, before those of ``out_indices``."""

    def forward(self, x):
        """(stem, *stages) of images (N, 3, H, W)."""
        x = self.maxpool(self.stem(x) if self.deep_stem else self.relu(self.norm1(self.conv1(x))))
        maps = [x]
        for index, name in enumerate(self.res_layers):
            x = getattr(self, name)(x)
            if index in self.out_indices:
                maps.append(x)
        return tuple(maps)
