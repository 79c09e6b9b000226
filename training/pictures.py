"""Generated pictures that the tests share. Importing this skips a test file where a package is missing."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

try:
    import numpy as np
    import torch  # noqa: F401
    from PIL import Image, ImageDraw
except ImportError as missing:
    raise unittest.SkipTest(str(missing)) from missing

import data


def picture(i, size=(120, 90)):
    """A light disc on a dark gradient, somewhere else for each i, and its mask."""
    rng = np.random.default_rng(i)
    ramp = np.linspace(0, 80, size[0]) + rng.uniform(0, 20, (size[1], size[0]))
    image = Image.fromarray(ramp.astype(np.uint8)).convert("RGB")
    mask = Image.new("L", size)
    x, y, r = rng.uniform(0.3, 0.7) * size[0], rng.uniform(0.35, 0.65) * size[1], rng.uniform(0.15, 0.3) * min(size)
    for target, colour in ((image, (230, 180, 90)), (mask, 255)):
        ImageDraw.Draw(target).ellipse((x - r, y - r, x + r, y + r), fill=colour)
    return image, mask


def examples(n):
    return [data.Example(f"p{i}", *picture(i), 1.0) for i in range(n)]


def quietly(function, *args):
    """Calls a function and returns what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        function(*args)
    return said.getvalue()


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)
        self.images, self.masks = self.dir / "images", self.dir / "masks"
        self.images.mkdir()
        self.masks.mkdir()

    def save(self, n):
        for i in range(n):
            image, mask = picture(i)
            image.save(self.images / f"p{i}.jpg")
            mask.save(self.masks / f"p{i}.png")

    def read(self):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            found = data.read_folder(self.images, self.masks, 1.0)
        return {e.name: e for e in found}, said.getvalue()
