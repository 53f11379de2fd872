"""Loads configs' models and checkpoints: data only, with errors that say what does not fit."""
import pickle

import torch

from mmfbr.files import InputError, existing


def load_state(path, what='The checkpoint'):
    """The state dict of a checkpoint file, on the CPU; never runs code from it.

    Raises:
        InputError: when the file is missing, damaged, or holds anything but tensors and mmengine's own records.
    """
    try:
        content = torch.load(existing(path, what), map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f'{what} {path} is damaged, or holds objects other than tensors, which are not loaded for safety: '
                         f'{str(error).splitlines()[0]}') from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(f'{what} {path} cannot be read; it is damaged or not a checkpoint ({str(error).splitlines()[0]}).') from error
    state = content.get('state_dict', content) if isinstance(content, dict) else None
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f'{what} {path} holds no state dict.')
    return state


def check_fit(state, expected, what):
    """Raises InputError when no key of ``expected`` is in ``state``, or a tensor has another shape."""
    common = [key for key in expected if key in state]
    if not common:
        raise InputError(f'{what}: none of its keys is one of the model ({next(iter(state))!r} against {next(iter(expected))!r}). It '
                         'belongs to another network.')
    wrong = [key for key in common if state[key].shape != expected[key].shape]
    if wrong:
        raise InputError(f'{what}: {len(wrong)} tensors have another shape than in the model, first {wrong[0]!r} with '
                         f'{tuple(state[wrong[0]].shape)} against {tuple(expected[wrong[0]].shape)}. Check num_classes and the backbone.')
    return common


def load_model(config, checkpoint):
    """The model of a config (``mmengine.Config``) with the weights of a checkpoint, in eval mode, on the CPU or the first GPU.

    FBR's own weights may be missing: inference does not use them. Anything else that is missing is an error.
    """
    from mmengine.registry import MODELS, init_default_scope
    init_default_scope(config.get('default_scope', 'mmseg'))
    model = MODELS.build(config.model)
    state, expected = load_state(checkpoint), model.state_dict()
    common = set(check_fit(state, expected, f'The checkpoint {checkpoint}'))
    missing = [key for key in expected if key not in common and not is_fbr_key(key)]
    if missing:
        raise InputError(f'The checkpoint {checkpoint} lacks {len(missing)} tensors of the model, first {missing[0]!r}: it was trained with '
                         'another config.')
    model.load_state_dict({key: state[key] for key in common}, strict=False)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return model.to(device).eval()


def is_fbr_key(key):
    """True for state of FBR that inference does not need: the neck's projections, the loss and its bank."""
    parts = key.split('.')
    return any(part in ('phi_fg', 'phi_bg', 'phi_seg', 'nroi') for part in parts) or ('loss_decode' in parts and parts[-1] == 'steps')
