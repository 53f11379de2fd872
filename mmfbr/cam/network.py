"""The trained network of a refinement: loaded when it is first needed, and what it says of an image."""
import threading
from pathlib import Path

import numpy as np
import torch

from mmfbr.engine.load import load_model
from mmfbr.engine.run import load_config
from mmfbr.files import InputError, existing
from mmfbr.models.data_preprocessor import normalised


class Network:
    """A config's model with trained weights, whose head has the class named ``head``.

    Args:
        refinement, head (str): names, for messages.
        config, checkpoint (str | None): files.

    Raises:
        InputError: a file is not given or does not exist.
    """

    def __init__(self, refinement, head, config, checkpoint):
        if not config or not checkpoint:
            raise InputError(f'The refinement {refinement!r} follows what a network has learned of the images: give '
                             'its config and weights, --refine-config and --refine-checkpoint.')
        self.refinement, self.head, self.model, self.lock = refinement, head, None, threading.Lock()
        self.config = str(existing(config, 'The config of the refinement').resolve())
        self.checkpoint = str(existing(checkpoint, 'The checkpoint of the refinement').resolve())

    @property
    def version(self):
        """Tells one state of the checkpoint's file from another."""
        return Path(self.checkpoint).stat().st_mtime_ns

    def load(self, device='cpu'):
        """The model on ``device``, loaded if that was not done; InputError when weights, config and head do not fit."""
        with self.lock:  # several threads refine
            if self.model is None:
                model = load_model(load_config(self.config), self.checkpoint)
                if type(model.decode_head).__name__ != self.head:
                    raise InputError(f'The refinement {self.refinement!r} needs a config with the decode_head '
                                     f'{self.head}; {self.config} has {type(model.decode_head).__name__}.')
                self.model = model
            return self.model.to(device)

    def __call__(self, image, flip, device='cpu'):
        """What the head returns for ``image`` (H, W, 3) uint8; with ``flip`` for it and its mirrored image."""
        with torch.no_grad():
            return self.load(device).decode_head(self.features(image, flip, device))

    @torch.no_grad()
    def features(self, image, flip, device='cpu'):
        """The maps (N, L, h, w) that the head reads, of ``image`` as for a call; N is 2 with ``flip``, else 1."""
        model = self.load(device)
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].to(device).float()
        pixels = normalised(model.data_preprocessor, torch.cat([pixels, pixels.flip(3)]) if flip else pixels)
        return model.extract_feat(pixels)
