"""Loads configs' models and checkpoints: data only, with errors that say what does not fit."""
import torch

from mmfbr.files import InputError, existing
from mmfbr.safe_loading import load_state


def read_config(path, what='The config', options=None, **kwargs):
    """The mmengine config at ``path`` with ``options`` merged in; InputError names it where it cannot be read.

    A config is a program: reading one runs it.
    """
    from mmengine.config import Config
    path = existing(path, what)
    try:
        config = Config.fromfile(path, **kwargs)
    except Exception as error:  # a program may raise anything
        raise InputError(f'{what} {path} cannot be read ({type(error).__name__}: {error}). Correct it.'
                         ) from error
    config.merge_from_dict(options or {})
    return config


def check_fit(state, expected, what):
    """The keys that ``state`` and ``expected`` share; InputError when there is none, or a tensor has another shape."""
    common = [key for key in expected if key in state]
    if not common:
        raise InputError(f'{what}: none of its keys is one of the model ({next(iter(state), None)!r} against '
                         f'{next(iter(expected))!r}). It belongs to another network.')
    wrong = [key for key in common if state[key].shape != expected[key].shape]
    if wrong:
        raise InputError(f'{what}: {len(wrong)} tensors have another shape than in the model, first {wrong[0]!r} with '
                         f'{tuple(state[wrong[0]].shape)} against {tuple(expected[wrong[0]].shape)}. Check num_classes '
                         'and the backbone.')
    return common


def check_model_fit(state, model, what):
    """The keys of ``model`` that ``state`` lacks; raises as ``check_fit``.

    FBR's own play no part: inference does not use them, and training that does not resume starts with an empty bank.
    """
    expected = {key: value for key, value in model.state_dict().items() if not is_fbr_key(key)}
    common = set(check_fit(state, expected, what))
    return [key for key in expected if key not in common]


def load_model(config, checkpoint):
    """The model of a config (``mmengine.Config``) with the weights of a checkpoint, in eval mode, on the GPU if any.

    FBR's own weights are loaded where they fit and may be missing. Anything else that is missing is an error.
    """
    from mmengine.registry import MODELS, init_default_scope
    init_default_scope(config.get('default_scope', 'mmseg'))
    model, state, what = MODELS.build(config.model), load_state(checkpoint), f'The checkpoint {checkpoint}'
    missing = check_model_fit(state, model, what)
    if missing:
        raise InputError(f'{what} lacks {len(missing)} tensors of the model, first {missing[0]!r}: it was trained with '
                         'another config.')
    own = model.state_dict()
    fitting = {key: value for key, value in state.items() if key in own and value.shape == own[key].shape}
    model.load_state_dict(fitting, strict=False)
    return model.to('cuda' if torch.cuda.is_available() else 'cpu').eval()


def is_fbr_key(key):
    """True for state of FBR that inference does not need: the neck's projections, the losses and their banks,
    FBRHead's classifier."""
    parts = key.split('.')
    return (any(part in ('phi_fg', 'phi_bg', 'phi_seg', 'nroi', 'fbr') for part in parts)
            or ('loss_decode' in parts and (parts[-1] == 'steps' or 'bank' in parts)))
