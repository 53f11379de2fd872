"""Brushes of the demo scenes: noise, soft thresholds, antialiased shapes, receding ground, colours."""
import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FINE = 4  # shapes are drawn this many times larger and averaged down


def noise(rng, shape, cell, octaves=4, stretch=1.0, fall=0.5):
    """Smooth random field (H, W) float32, mean about 0 and deviation about 1.

    The coarsest of the ``octaves`` has cells ``cell`` pixels high and ``cell * stretch`` wide; each next one has half
    the cell and ``fall`` times the strength.
    """
    field, (across, down) = _lattice(rng, shape, cell, octaves, stretch, fall)
    return _resize(field, shape, box=(0, 0, shape[1] * across, shape[0] * down))


def recede(rng, size, cell, octaves=4, stretch=1.0, fall=0.5, far=2.0):
    """``noise`` as on a ground that recedes: (size, size), ``far`` times finer at the upper edge than at the lower."""
    reach = int(far * size)
    field, (across, down) = _lattice(rng, (reach, reach), cell, octaves, stretch, fall)
    slope = (far - 1) / size
    middle = reach / 2 * across
    plane = (far * across, slope * middle, middle - far * size / 2 * across, 0, far * far * down, 0, 0, slope)
    image = Image.fromarray(field).transform((size, size), Image.Transform.PERSPECTIVE, plane, Image.Resampling.BICUBIC)
    return np.asarray(image)


def _lattice(rng, shape, cell, octaves, stretch, fall):
    """The values of ``noise`` at the corners of its finest cells, and these cells per pixel (across, down)."""
    high, wide = max(1.0, cell), max(1.0, cell * stretch)
    octaves = min(octaves, 1 + int(np.log2(min(high, wide))))  # cells smaller than a pixel would not be seen
    rows, columns = int(shape[0] / high) + 2, int(shape[1] / wide) + 2
    field = rng.standard_normal((rows, columns), dtype=np.float32)
    for octave in range(1, octaves):
        finer = rng.standard_normal((rows * 2**octave, columns * 2**octave), dtype=np.float32)
        field = _resize(field, finer.shape) + np.float32(fall**octave) * finer
    power = sum(fall**(2 * octave) for octave in range(octaves))
    finest = 2**(octaves - 1)
    # Interpolation takes a part of the deviation.
    return field / np.float32(0.82 * np.sqrt(power)), (finest / wide, finest / high)


def _resize(field, shape, box=None):
    return np.asarray(Image.fromarray(field).resize(shape[::-1], Image.Resampling.BICUBIC, box=box))


def ramp(values, low, high):
    """0 below ``low``, 1 above ``high``, smooth between (smoothstep)."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blend(below, above, amount):
    """``below`` where ``amount`` (H, W) is 0, ``above`` where it is 1; both are colours (3,) or pictures (H, W, 3)."""
    below, above = np.asarray(below, np.float32), np.asarray(above, np.float32)
    return below + (above - below) * np.asarray(amount, np.float32)[..., None]


def cover(size, shapes, window=None):
    """How much of each pixel the polygons cover: (size, size) float32 in [0, 1], or just the ``window`` of it.

    Args:
        shapes: a list of (N, 2) arrays of x, y in units of the picture's side.
        window: (rows, columns) as slices with both ends.
    """
    rows, columns = window or (slice(0, size), slice(0, size))
    canvas = Image.new('L', ((columns.stop - columns.start) * FINE, (rows.stop - rows.start) * FINE))
    draw, corner = ImageDraw.Draw(canvas), np.array([columns.start, rows.start])
    for shape in shapes:
        draw.polygon(((np.asarray(shape) * size - corner) * FINE - 0.5).ravel().tolist(), fill=255)
    return np.asarray(canvas.reduce(FINE), np.float32) / 255


def around(size, shapes):
    """The smallest window, as ``cover`` takes it, that holds the part of the polygons inside the picture."""
    points = np.concatenate(shapes) * size
    left, top = np.clip(np.floor(points.min(0)) - 1, 0, size - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(points.max(0)) + 1, (left + 1, top + 1), size).astype(int).tolist()
    return slice(top, bottom), slice(left, right)


def blur(layer, radius):
    """Gaussian blur of an (H, W) or (H, W, 3) layer in [0, 1], ``radius`` in pixels."""
    image = Image.fromarray((layer * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(radius))), np.float32) / 255


def grid(size):
    """x and y of the pixel centres, two (size, size) float32 in units of the picture's side."""
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    return np.meshgrid(centres, centres)


def colour(rng, hue, saturation, value, spread=0.02):
    """(3,) float32 RGB in [0, 1] from HSV, each part moved by up to ``spread`` (saturation and value: three times)."""
    hue, saturation, value = rng.uniform(-1, 1, 3) * (spread, 3 * spread, 3 * spread) + (hue, saturation, value)
    return np.float32(colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1)))


def smooth(points, steps=8):
    """Closed Catmull-Rom curve through ``points`` (N, 2): (N * steps, 2)."""
    points = np.asarray(points, np.float64)
    before, after, beyond = (np.roll(points, shift, 0)[:, None] for shift in (1, -1, -2))
    here, t = points[:, None], np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 2 * here + (after - before) * t + (2 * before - 5 * here + 4 * after - beyond) * t**2
    curve = curve + (3 * (here - after) + beyond - before) * t**3
    return curve.reshape(-1, 2) / 2


def ellipse(x, y, wide, high, steps=24):
    """Polygon (steps, 2) of the ellipse around (x, y) with half axes ``wide`` and ``high``."""
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.stack([x + wide * np.cos(angle), y + high * np.sin(angle)], 1)


def limb(points, widths):
    """Polygon of a bent band along ``points`` (N, 2) that is ``widths`` (N,) wide at each of them."""
    points = np.asarray(points, np.float64)
    along = np.gradient(points, axis=0)
    across = along[:, ::-1] * (-1, 1) / np.linalg.norm(along, axis=1, keepdims=True)
    half = across * np.asarray(widths, np.float64)[:, None] / 2
    return np.concatenate([points + half, (points - half)[::-1]])
