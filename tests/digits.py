"""Pictures of digits for the tests of lecture 10: MNIST's, on paper as learners have it.

An image is MNIST's as the script normalises it, (1, 28, 28); a picture is Pillow's.
"""

import numpy as np
from PIL import Image, ImageFilter, ImageOps


def page(image, size=(600, 500), place=(20, 15), side=280, ink=0, paper=255, thinner=0):
    """The digit on a sheet: side and place of its 28 x 28; the pen thinner or not."""
    pixels = 255 * (image[0] * 0.3081 + 0.1307).clamp(0, 1)
    pen = Image.fromarray(pixels.round().byte().numpy()).resize((side, side))
    picture = Image.new("L", size, paper)
    if thinner:  # the darkest of as many pixels around
        pen = pen.filter(ImageFilter.MinFilter(thinner))
    picture.paste(ink, place, mask=pen)
    return picture


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
    drawing = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    drawing.putalpha(ImageOps.invert(picture))
    return drawing


STYLES = {  # style: what makes a picture of an image
    "black on white": page,
    "white on black": lambda image: page(image, ink=255, paper=0),
    "thin pen": lambda image: page(image, thinner=11),
    "grey paper": lambda image: page(image, ink=60, paper=190),
    "uneven paper": lambda image: photograph(page(image, ink=70, paper=230)),
    "touching the edge": lambda image: page(image, (200, 200), (-40, -40)),
    "small in a big picture": lambda image: page(image, (1200, 900), (150, 100), 140),
    "transparent": lambda image: transparent(page(image)),
}
