"""Finds what is wrong with FBR's place in a model config before training starts."""
from mmfbr.files import InputError

# Heads of mmseg that leave a loss in their `loss_decode` unread, or call it with something else than maps.
WITHOUT_WAY_IN = {
    'PointHead': 'samples single points, and FBR needs maps',
    'Mask2FormerHead': 'computes its own losses from masks and does not read loss_decode',
    'MaskFormerHead': 'computes its own losses from masks and does not read loss_decode',
    'SideAdapterCLIPHead': 'calls the losses of its masks by name and leaves out any other',
    'DDRHead': 'calls two losses by position and leaves out any other',
    'PIDHead': 'calls four losses by position and leaves out any other',
}


def check_fbr(model):
    """Raises InputError for an ``FBRNeck`` that no ``FBRLoss`` reads, the reverse, and a head that calls no such
    loss."""
    if 'decode_head' not in model:  # a host of another kind, which builds its FBR by itself
        return
    neck, reading = _holds(model.get('neck') or {}, 'FBRNeck'), []
    for name, head in heads(model):
        if not _holds(head, 'FBRLoss', 'FBRHead'):
            continue
        reasons = [reason for kind, reason in WITHOUT_WAY_IN.items() if kind in class_names(head)]
        if reasons:
            raise InputError(f'model.{name}: FBR cannot work in a {head["type"]}, which {reasons[0]}. Put the FBRLoss '
                             "into another head, or take it out and add `auxiliary_head=dict(type='FBRHead', "
                             'num_classes=...)`.')
        reading.append(name)
    if reading and not neck:
        raise InputError(f'model.{reading[0]} has an FBRLoss, but model.neck is no FBRNeck. Add `neck=dict(type='
                         "'FBRNeck', in_channels=..., in_index=...)`; a neck that is there already goes inside it "
                         "(`neck=dict(_delete_=True, type='FBRNeck', neck={{_base_.model.neck}}, ...)`).")
    if neck and not reading:
        raise InputError("model.neck is an FBRNeck, but no head has an FBRLoss to read it. Add `dict(type='FBRLoss')` "
                         "to the loss_decode of a head, or `auxiliary_head=dict(type='FBRHead', num_classes=...)`, or "
                         'take the neck out.')


def heads(model):
    """(key, config) of every head; the single decode head keeps its plain key."""
    for key in ('decode_head', 'auxiliary_head'):
        heads = model.get(key) or []
        if isinstance(heads, dict):
            yield key, heads
        else:
            yield from ((f'{key}[{index}]', head) for index, head in enumerate(heads))


def _holds(node, *names):
    """True when a config has a part of one of the classes ``names`` at any depth."""
    if isinstance(node, dict):
        return not class_names(node).isdisjoint(names) or any(_holds(value, *names) for value in node.values())
    return isinstance(node, (list, tuple)) and any(_holds(value, *names) for value in node)


def class_names(node):
    """Names of the class that a config asks for and of its bases; the bare name when it is not registered."""
    from mmengine.registry import MODELS
    kind = node.get('type')
    if not isinstance(kind, type):
        kind = isinstance(kind, str) and (MODELS.get(kind) or kind.rpartition('.')[2])
    return {base.__name__ for base in kind.__mro__} if isinstance(kind, type) else {kind}
