"""HTML and SVG elements as text, escaped by construction: only what ``tag`` made is taken as markup."""
from html import escape

VOID = {'img', 'meta'}


class Markup(str):
    """Text that is markup already."""
    __slots__ = ()


def tag(name, /, *children, **attributes):
    """The element ``name`` as Markup.

    Args:
        children: Markup is taken as it is, anything else is escaped; None is left out, a list stands for its entries.
        attributes: escaped; None is left out. ``class_`` stands for ``class``, ``stroke_width`` for ``stroke-width``.
    """
    opening = name + ''.join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
                             for key, value in attributes.items() if value is not None)
    return Markup(f'<{opening}>' if name in VOID else f'<{opening}>{join(children)}</{name}>')


def join(children):
    """The children one after another, as Markup."""
    return Markup(''.join(_text(child) for child in children))


def _text(child):
    if child is None:
        return ''
    if isinstance(child, list):
        return join(child)
    return child if isinstance(child, Markup) else escape(str(child))
