"""Digits drawn by program, for the tests of lecture 10.

Strokes with round ends, as Paint's brush makes them; no font is needed. Each picture is
a Pillow image.
"""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageOps


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
def photograph(picture):
    """The picture as a phone takes it: dark at one side and in the corners, noise."""
    random_numbers = np.random.default_rng(0)
    height, width = picture.height, picture.width
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = 0.75 - 0.2 * x + 0.1 * y - 0.1 * (x**2 + y**2)
    values = np.array(picture) * light + random_numbers.normal(0, 6, (height, width))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def transparent(picture):
    """Black ink without paper, as a drawing program exports it."""
    image = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    image.putalpha(ImageOps.invert(picture))
    return image


# {style: (what makes a digit's picture, its file's suffix)}
STYLES = {
    "black on white": (draw_digit, "png"),
    "white on black": (lambda digit: draw_digit(digit, ink=255, paper=0), "png"),
    "thin pen": (lambda digit: draw_digit(digit, width=4), "png"),
    "grey paper, JPEG": (lambda digit: draw_digit(digit, ink=60, paper=190), "jpg"),
    "uneven paper": (
        lambda digit: photograph(draw_digit(digit, width=14, ink=70, paper=230)),
        "jpg",
    ),
    "touching the edge": (
        lambda digit: draw_digit(digit, (300, 400), (0, 0), height=400, slant=0),
        "png",
    ),
    "small in a big picture": (
        lambda digit: draw_digit(digit, (1200, 900), (150, 100), height=150, width=10),
        "png",
    ),
    "transparent": (lambda digit: transparent(draw_digit(digit)), "png"),
}


def sheet(image, paper=200):
    """A digit of MNIST (1, 28, 28), enlarged, in black in a corner of a grey sheet."""
    pixels = 255 * (image[0] * 0.3081 + 0.1307).clamp(0, 1)
    ink = Image.fromarray(pixels.round().byte().numpy()).resize((280, 280))
    page = Image.new("L", (600, 500), paper)
    page.paste(0, (20, 15), mask=ink)
    return page
