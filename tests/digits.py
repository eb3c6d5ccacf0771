"""Digits drawn by program, and pictures that hold none, for test_digits.py.

    python tests/digits.py FOLDER      # write them there, to look at

Strokes with round ends, as Paint's brush makes them; no font is needed. Each picture
is a Pillow image. 程序画的数字，和没有数字的图片。
"""

import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


# ------------------------------------------------------------------------- The strokes
def arc(x, y, rx, ry, begin, end):
    """Points of an ellipse's arc; degrees, 0 is on the right, 90 is below."""
    points = []
    for i in range(25):
        angle = math.radians(begin + (end - begin) * i / 24)
        points.append((x + rx * math.cos(angle), y + ry * math.sin(angle)))
    return points


# Each digit in a box that is 1 high: a list of strokes, a stroke is a list of points.
STROKES = {
    0: [arc(0.32, 0.5, 0.3, 0.5, -90, 270)],
    1: [[(0.12, 0.22), (0.34, 0.0), (0.34, 1.0)]],
    2: [arc(0.32, 0.28, 0.3, 0.28, 190, 395) + [(0.02, 1.0), (0.66, 1.0)]],
    3: [
        arc(0.3, 0.25, 0.28, 0.25, 200, 450) + arc(0.3, 0.74, 0.32, 0.26, -90, 160),
    ],
    4: [[(0.42, 0.0), (0.0, 0.66), (0.7, 0.66)], [(0.52, 0.32), (0.52, 1.0)]],
    5: [
        [(0.6, 0.0), (0.1, 0.0), (0.06, 0.44), *arc(0.28, 0.69, 0.34, 0.3, 235, 515)],
    ],
    6: [
        arc(0.62, 0.68, 0.58, 0.68, 265, 180) + arc(0.33, 0.7, 0.29, 0.3, 180, 540),
    ],
    7: [[(0.0, 0.0), (0.62, 0.0), (0.22, 1.0)]],
    8: [
        arc(0.32, 0.25, 0.25, 0.25, 90, 450) + arc(0.32, 0.75, 0.31, 0.25, -90, 270),
    ],
    9: [arc(0.32, 0.29, 0.29, 0.29, 0, 360) + [(0.58, 0.5), (0.5, 1.0)]],
}


def draw_digit(
    digit,
    size=(400, 400),
    place=None,
    height=260,
    width=26,
    ink=0,
    paper=255,
    slant=0.1,
):
    """A digit on paper: width is the stroke's, place the box's upper left corner."""
    w, h = size
    if place is None:
        place = (w / 2 - 0.32 * height, (h - height) / 2)
    # four times as large, then made smaller: smooth edges
    image = Image.new("L", (4 * w, 4 * h), paper)
    pen = ImageDraw.Draw(image)
    r = 2 * width
    for stroke in STROKES[digit]:
        points = []
        for x, y in stroke:
            x += slant * (0.5 - y)
            points.append((4 * (place[0] + x * height), 4 * (place[1] + y * height)))
        pen.line(points, fill=ink, width=4 * width, joint="curve")
        for x, y in points:
            pen.ellipse((x - r, y - r, x + r, y + r), fill=ink)
    return image.resize(size, Image.Resampling.BOX)


# --------------------------------------------------------------------------- The pictures
STYLES = {  # how a digit is drawn: options of draw_digit()
    "thick": {"width": 26},
    "medium": {"width": 14},
    "thin": {"width": 4},
    "white on black": {"width": 22, "ink": 255, "paper": 0},
    "in a corner": {"size": (800, 600), "place": (60, 50), "height": 140, "width": 16},
    "on grey paper": {"width": 18, "ink": 40, "paper": 190},
    "pencil": {"size": (1200, 900), "height": 300, "width": 5, "ink": 90, "paper": 235},
}


def photograph(picture):
    """The picture as a phone takes it: dark at one side and in the corners, noise."""
    random_numbers = np.random.default_rng(0)
    height, width = picture.height, picture.width
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = 0.75 - 0.2 * x + 0.1 * y - 0.1 * (x**2 + y**2)
    values = np.array(picture) * light + random_numbers.normal(0, 6, (height, width))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def no_digits():
    """{name: picture} without a single digit: paper, noise, shapes, several digits."""
    random_numbers = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:300j, -1:1:300j]
    checker = (np.indices((300, 300)) // 30).sum(axis=0) % 2
    blobs = random_numbers.integers(0, 256, (12, 16))
    pixels = {
        "white paper": np.full((300, 300), 255),
        "grey paper": np.full((300, 300), 128),
        "rough paper": 220 + random_numbers.normal(0, 4, (300, 300)),
        "noise": random_numbers.integers(0, 256, (300, 300)),
        "gradient": 255 * (x + 1) / 2,
        "vignette": 230 - 90 * (x**2 + y**2),
        "checkerboard": 255 * checker,
        "half and half": np.where(x < 0, 30, 220),
        "disc": np.where(x**2 + y**2 < 0.5, 20, 240),
        "one pixel": np.full((1, 1), 255),
    }
    pictures = {}
    for name, values in pixels.items():
        pictures[name] = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    blobs = Image.fromarray(blobs.astype(np.uint8))
    pictures["blurred blobs"] = blobs.resize((640, 480), Image.Resampling.BICUBIC)
    # Soft shapes of every size, as a photo has them.
    scales = [random_numbers.normal(0, 1, (n, n)) for n in (3, 6, 12, 25, 50, 100)]
    clouds = np.zeros((300, 300))
    for scale in scales:
        layer = Image.fromarray(scale.astype(np.float32))
        clouds += np.array(layer.resize((300, 300))) / len(scale) ** 0.5
    clouds = 255 * (clouds - clouds.min()) / (clouds.max() - clouds.min())
    pictures["clouds"] = Image.fromarray(clouds.astype(np.uint8))
    pictures["two digits, close"] = Image.new("L", (500, 400), 255)
    pictures["two digits, close"].paste(draw_digit(1, (200, 400)), (0, 0))
    pictures["two digits, close"].paste(draw_digit(7, (300, 400)), (150, 0))
    pictures["cut off"] = draw_digit(8).crop((0, 0, 400, 250))
    pictures["three digits"] = Image.new("L", (900, 400), 255)
    for i, digit in enumerate((3, 1, 4)):
        pictures["three digits"].paste(draw_digit(digit, (300, 400)), (300 * i, 0))
    return pictures


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for style, options in STYLES.items():
        for digit in STROKES:
            draw_digit(digit, **options).save(folder / f"{style} {digit}.png")
    for name, picture in no_digits().items():
        picture.save(folder / f"{name}.png")
