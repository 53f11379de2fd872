"""The refinements between class activation maps and masks, by name."""
from dataclasses import fields

from mmfbr.files import InputError

from .crf import CRF
from .irn import IRN
from .nroi import NROI
from .par import PAR
from .psa import PSA

REFINEMENTS = {kind.name: kind for kind in (PAR, CRF, NROI, IRN, PSA)}


def refinement(name, **settings):
    """The refinement ``name`` of ``settings``, None for 'none'; InputError for a name or setting that there is not."""
    if name == 'none' and not settings:
        return None
    if name not in REFINEMENTS:
        raise InputError(f'The refinement {name!r} has no settings; leave them out.' if name == 'none' else
                         f'There is no refinement {name!r}: choose none or one of {", ".join(REFINEMENTS)}.')
    kind = REFINEMENTS[name]
    known = [field.name for field in fields(kind) if field.init]
    unknown = sorted(settings.keys() - known)
    if unknown:
        raise InputError(f'The refinement {name!r} has no setting {", ".join(unknown)}; it has {", ".join(known)}.')
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()})


def check_unsure(unsure_from, threshold, refine):
    """Raises InputError for a second threshold, or power of the background, on the wrong side of the first."""
    if unsure_from is None:
        return
    if threshold is not None and not 0 <= unsure_from <= threshold:
        raise InputError(f'Pixels are unsure between a lower value and the threshold {threshold:g}: the lower one is '
                         f'{unsure_from:g}. Give one from 0 to it.')
    if threshold is None and not (isinstance(refine, CRF) and unsure_from >= refine.alpha):
        raise InputError(f"With a background's power alpha, unsure pixels need the refinement crf and a second power "
                         f'above {refine.alpha:g}; it is {unsure_from:g}, and the refinement is {refine.name}.')
