"""The refinements between class activation maps and masks, by name."""
from mmfbr.files import InputError

from .crf import CRF
from .par import PAR

REFINEMENTS = {kind.name: kind for kind in (PAR, CRF)}


def refinement(name, **settings):
    """The ``PAR`` or ``CRF`` of ``settings``, None for 'none'; raises InputError for a name or setting it has not."""
    if name == 'none' and not settings:
        return None
    if name not in REFINEMENTS:
        raise InputError(f'The refinement {name!r} has no settings; leave them out.' if name == 'none' else
                         f'There is no refinement {name!r}: choose none or one of {", ".join(REFINEMENTS)}.')
    kind = REFINEMENTS[name]
    known = kind.__dataclass_fields__
    unknown = sorted(settings.keys() - known)
    if unknown:
        raise InputError(f'The refinement {name!r} has no setting {", ".join(unknown)}; it has {", ".join(known)}.')
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()})
