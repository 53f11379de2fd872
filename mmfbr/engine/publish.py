"""A trained model's weights for use without mmfbr: no state of FBR, no optimizer, no records of the run."""
from pathlib import Path
from typing import NamedTuple

import torch

from mmfbr.files import InputError, atomic_path
from mmfbr.safe_loading import as_state, load_content

from .load import is_fbr_key

PLAIN = (str, int, float, bool, type(None), torch.Tensor)


class Published(NamedTuple):
    """What ``publish`` did."""
    path: Path
    kept: int
    """Tensors written."""
    dropped: int
    """Tensors of FBR left out; 0 when the model had none."""
    others: list
    """Other entries of the checkpoint that were left out, by name."""
    weights: str
    """'ema' or 'trained'."""


def publish(checkpoint, out=None, weights=None):
    """Writes ``{meta, state_dict}`` of a checkpoint, which mmseg or mmdet load with the config of the base alone.

    Args:
        checkpoint (str | Path): of a model with FBR, in mmengine's form or a bare state dict.
        out (str | Path | None): file to write; None: the checkpoint's name with ``_plain`` before its ending.
        weights (str | None): 'ema', the averages that an EMAHook kept; 'trained', the weights that the optimizer left.
            None: the averages where there are some, as mmengine's own tests use them.

    Raises:
        InputError: when the file is no checkpoint, holds nothing but FBR, or no averages though these were asked for,
            and when ``out`` exists.
    """
    if weights not in (None, 'ema', 'trained'):
        raise InputError(f"weights is {weights!r}; it is 'ema' or 'trained'.")
    checkpoint = Path(checkpoint)
    out = Path(out) if out is not None else checkpoint.with_name(f'{checkpoint.stem}_plain{checkpoint.suffix}')
    if out.exists():
        raise InputError(f'{out} exists already. Give another file with --out, or remove it.')
    content = load_content(checkpoint)
    content = content if isinstance(content, dict) and 'state_dict' in content else dict(state_dict=content)
    averaged = 'ema_state_dict' in content
    if weights == 'ema' and not averaged:
        raise InputError(f'The checkpoint {checkpoint} holds no averaged weights: its run had no EMAHook. Leave '
                         '--weights out.')
    state = as_state(content['state_dict'], checkpoint)
    if weights == 'trained' and averaged:
        # An EMAHook saves the averages as the state dict, and the weights themselves beside its own step count.
        state = {key: value for key, value in as_state(content['ema_state_dict'], checkpoint).items() if key in state}
    kept = {key: value for key, value in state.items() if not is_fbr_key(key)}
    if not kept:
        raise InputError(f'The checkpoint {checkpoint} holds state of FBR alone: nothing would be left of it.')
    meta = content.get('meta') or {}
    # Plain values alone: other classes could not be loaded safely by others. The config names FBR's classes.
    meta = {key: value for key, value in meta.items() if key != 'cfg' and _is_plain(value)}
    with atomic_path(out) as temporary, open(temporary, 'wb') as stream:  # a stream: its name would be in the file
        torch.save(dict(meta=meta, state_dict=kept), stream)
    others = sorted(key for key in content if key not in ('meta', 'state_dict'))
    return Published(out, len(kept), len(state) - len(kept), others, 'ema' if averaged and weights != 'trained'
                     else 'trained')


def _is_plain(value):
    if isinstance(value, dict):
        return all(_is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple)):
        return all(_is_plain(part) for part in value)
    return type(value) in PLAIN
