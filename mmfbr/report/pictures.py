"""Pictures of the report as arrays, and arrays as data URIs: CAM over image, NROI map, query map, coloured masks."""
import base64
import io

import numpy as np
from PIL import Image

from .markup import Markup

# Seven points of the colour map "inferno" (matplotlib, CC0): its lightness rises evenly, so it reads in grey
# and to any eye.
HEAT = np.array([(0, 0, 4), (51, 10, 95), (120, 28, 109), (187, 55, 84), (237, 105, 37), (252, 181, 25),
                 (252, 255, 164)])
# Colours that differ also to colour-blind eyes: the seven of Okabe and Ito, then eight of Paul Tol's "muted" scheme.
DISTINCT = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
            (136, 34, 85), (153, 153, 51), (51, 34, 136), (204, 102, 119), (17, 119, 51), (68, 170, 153),
            (170, 68, 153), (221, 204, 119))
VOID = (255, 255, 255)
QUERY = (255, 210, 0)
LONGEST_SIDE = 360


def grey(image):
    """The image without colour, (H, W, 3) float64, the ground that colours are laid on."""
    return np.repeat(image @ np.array([0.299, 0.587, 0.114]), 3).reshape(image.shape)


def heat(image, cam):
    """``cam`` (H, W) in [0, 1] as colours over the grey image (H, W, 3) uint8: dark is 0, bright yellow 1."""
    colours = np.stack([np.interp(cam, np.linspace(0, 1, len(HEAT)), channel) for channel in HEAT.T], axis=-1)
    return _uint8(0.35 * grey(image) + 0.65 * colours)


def nroi_map(image, clusters):
    """Each background cell in the colour of its cluster over the grey image; foreground cells (-1) stay grey.

    Args:
        image: (H, W, 3) uint8.
        clusters: (h, w) cluster of each cell of the feature map, -1 for foreground; each cell becomes a plain block.
    """
    clusters = enlarge(clusters, image.shape[:2])
    colours = np.array(DISTINCT)[clusters % len(DISTINCT)]
    return _uint8(_blend(grey(image), colours, 0.7 * (clusters >= 0)))


def query_map(image, queries, foreground):
    """Query cells yellow, the other foreground cells undimmed, the background dimmed.

    Args:
        image: (H, W, 3) uint8.
        queries, foreground: (h, w) bool, cells of the feature map.
    """
    queries, foreground = (enlarge(mask, image.shape[:2]) for mask in (queries, foreground))
    ground = grey(image) * np.where(foreground, 1.0, 0.35)[..., None]
    return _uint8(_blend(ground, QUERY, 0.6 * queries))


def coloured(image, mask, colours, ignore_index=255):
    """A label mask over the dimmed grey image.

    Args:
        image: (H, W, 3) uint8. mask: (H, W) class indices.
        colours: {class index: (r, g, b)}; a class without a colour, the background, shows the image.
        ignore_index: drawn white.
    """
    table, opacity = np.zeros((256, 3)), np.zeros(256)
    for index, colour in {**colours, ignore_index: VOID}.items():
        table[index], opacity[index] = colour, 0.8
    return _uint8(_blend(0.6 * grey(image), table[mask], opacity[mask]))


def class_colours(classes):
    """A colour for each of the class indices, (r, g, b); after 15 they begin anew."""
    return {index: DISTINCT[number % len(DISTINCT)] for number, index in enumerate(classes)}


def enlarge(cells, size):
    """``cells`` (h, w) as plain blocks at ``size`` (H, W): the nearest cell's value, without smoothing."""
    rows, columns = (np.arange(n) * m // n for n, m in zip(size, cells.shape, strict=True))
    return cells[rows[:, None], columns]


def photo_uri(image):
    """(H, W, 3) uint8 as a JPEG data URI, shrunk to a longest side of 360 pixels."""
    return _uri(_fitted(image, Image.Resampling.LANCZOS), 'jpeg', quality=88)


def flat_uri(image):
    """(H, W, 3) uint8 with plain areas as a PNG data URI of 256 colours, shrunk to a longest side of 360 pixels."""
    return _uri(_fitted(image, Image.Resampling.NEAREST).quantize(256, dither=Image.Dither.NONE), 'png', optimize=True)


def heat_gradient():
    """The heat colours as a CSS gradient, for the legend."""
    return 'linear-gradient(90deg,' + ','.join(f'rgb{tuple(colour)}' for colour in HEAT.tolist()) + ')'


def _fitted(image, resampling):
    picture = Image.fromarray(image)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), resampling)
    return picture


def _uri(picture, kind, **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return Markup(f'data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}')


def _blend(ground, colours, opacity):
    return ground + (np.asarray(colours) - ground) * opacity[..., None]


def _uint8(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
