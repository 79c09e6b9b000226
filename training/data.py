"""Pictures with masks from folders, as Pillow images of at most 256 px a side."""

import csv
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn import functional as F

from model import CHANNELS, COLOUR, MEAN, ROI, SCALE

KEPT_SIDE = 256  # px of the longer side that pictures are kept at: room for crops of SIDE
FULL_SIDE = 2048  # px of the longer side up to which a photo is labelled at its own size
MAX_PIXELS = 100_000_000
LEAST_FOREGROUND, MOST_FOREGROUND = 0.01, 0.93  # shares of the picture; outside of them there is nothing to learn
LEAST_CERTAINTY, LEAST_INSIDE = 0.88, 0.7  # of a teacher's labels, see label.py
UNREADABLE = (  # what Pillow raises on damaged files
    OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


@dataclass
class Example:
    name: str  # the file's stem
    image: Image.Image  # RGB
    mask: Image.Image  # L: 255 is foreground
    weight: float  # how often it is drawn, relative to others


def read_folders(image_folders, mask_folders, weights):
    """Reads the pictures of each folder with the masks of the same stem from the mask folder at the same place of its list.

    A mask is a grey image, white is foreground; of images with an alpha channel, such as cutouts, alpha is the mask. Whatever
    cannot be used is named on a line of its own and left out. Raises ValueError if nothing is left of a folder.
    """
    if not len(image_folders) == len(mask_folders) == len(weights):
        raise ValueError(f"{len(image_folders)} image folders, {len(mask_folders)} mask folders, {len(weights)} weights: must be as many")
    examples = []
    for images, masks, weight in zip(image_folders, mask_folders, weights):
        found = read_folder(Path(images), Path(masks), weight)
        if not found:
            raise ValueError(f"no picture of {images} has a usable mask in {masks}")
        examples += found
    return examples


def read_folder(images, masks, weight):
    mask_of = {f.stem: f for f in files(masks)}
    doubted = doubtful(masks / "labels.csv")
    if doubted:
        print(f"{masks}: {len(doubted)} labels left out, for the teacher was not sure of them", flush=True)
    examples = []
    for file in files(images):
        if file.stem in doubted:
            continue
        try:
            if file.stem not in mask_of:
                raise ValueError(f"no mask {file.stem}.* in {masks}")
            examples.append(read_pair(file, mask_of[file.stem], weight))
        except UNREADABLE as error:
            print(f"left out: {file}: {error}", flush=True)
    return examples


def doubtful(table):
    """The names in a labels.csv of label.py that its teacher was not sure of; none where there is no such file."""
    if not table.exists():
        return set()
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    rows = [r for r in rows if r["share"]]  # a label that is being made has no whole line yet
    return {r["name"] for r in rows if float(r["certainty"]) < LEAST_CERTAINTY or float(r["inside"]) < LEAST_INSIDE}


def files(folder):
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    return sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))


def read_pair(image_file, mask_file, weight):
    image, mask = read_image(image_file), read_mask(mask_file)
    shape = image.width / image.height / (mask.width / mask.height)
    if not 0.97 < shape < 1 / 0.97:
        raise ValueError(f"{image.width}×{image.height} px, its mask {mask.width}×{mask.height}: must have the same shape")
    image = shrink(image)
    mask = mask.resize(image.size, Image.Resampling.BOX)
    share = foreground_share(mask)
    if not LEAST_FOREGROUND <= share <= MOST_FOREGROUND:
        raise ValueError(f"{share:.1%} foreground, {LEAST_FOREGROUND:.0%} to {MOST_FOREGROUND:.0%} are used")
    return Example(image_file.stem, image, mask, weight)


def read_image(file, side=KEPT_SIDE):
    """Reads an image as RGB, upright, decoded at a reduced scale where the format allows that and twice side px remain."""
    with Image.open(file) as image:
        check_size(image)
        image.draft("RGB", (2 * side, 2 * side))
        return eight_bits(ImageOps.exif_transpose(image)).convert("RGB")


def read_mask(file):
    """Reads the alpha channel of an image that has one, else the image as grey."""
    with Image.open(file) as image:
        check_size(image)
        image = eight_bits(ImageOps.exif_transpose(image))
        if "A" in image.getbands() or "transparency" in image.info:
            return image.convert("RGBA").getchannel("A")
        return image.convert("L")


def eight_bits(image):
    """Scales grey of 16 bits, which Pillow would clip. Some of its versions open that as mode I."""
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    grey = np.asarray(image).astype(np.int64) // 257
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def check_size(image):
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"{image.width}×{image.height} px, at most {MAX_PIXELS / 1e6:.0f} megapixels are read")


def shrink(image):
    scale = min(1, KEPT_SIDE / max(image.size))
    return image.resize([max(8, round(side * scale)) for side in image.size], Image.Resampling.BOX)


def foreground_share(mask):
    return (np.asarray(mask) > 127).mean()


def split(examples, held_out, share):
    """Splits into training and validation examples.

    held_out names the latter; if it is empty, about the given share is held out by a hash of the names, so that the same pictures
    are whenever others are added. Raises ValueError if one side would be empty.
    """

    def draw(e):
        return int.from_bytes(hashlib.sha256(e.name.encode()).digest()[:4], "big") / 2**32

    if held_out:
        validation = [e for e in examples if e.name in held_out]
    else:
        validation = [e for e in examples if draw(e) < share] or [min(examples, key=draw)]
    names = {e.name for e in validation}
    training = [e for e in examples if e.name not in names]
    if not training or not validation:
        raise ValueError(f"{len(training)} pictures to train on and {len(validation)} to validate on: needs one of each at least")
    return training, validation


def squeeze(image, side):
    """Resizes to side×side whatever the aspect: by area where that reduces, else bilinearly, as the engine does."""
    for size in ((side, image.height), (side, side)):
        reduces = size[0] < image.width or size[1] < image.height
        image = image.resize(size, Image.Resampling.BOX if reduces else Image.Resampling.BILINEAR)
    return image


def to_input(rgb, roi=None):
    """Makes the network's 7×h×w input of h×w×3 RGB and, if there is one, h×w roi; both 0–255. The other channels are 0."""
    rgb = np.asarray(rgb, np.float32)
    x = np.zeros((CHANNELS, *rgb.shape[:2]), np.float32)
    x[COLOUR] = (rgb[..., ::-1].transpose(2, 0, 1) - MEAN) / SCALE
    if roi is not None:
        x[ROI] = np.asarray(roi, np.float32) / 255
    return x


def read_backgrounds(folder):
    """Reads pictures without a subject."""
    backgrounds = []
    for file in files(Path(folder)):
        try:
            backgrounds.append(shrink(read_image(file)))
        except UNREADABLE as error:
            print(f"left out: {file}: {error}", flush=True)
    if not backgrounds:
        raise ValueError(f"no usable picture in {folder}")
    return backgrounds


def own_backgrounds(examples):
    """The backgrounds of the pictures whose subject is small enough to be filled in."""
    return [without_subject(e.image, e.mask) for e in examples if foreground_share(e.mask) < 0.35]


def without_subject(image, mask):
    """Fills the subject's place smoothly from its surroundings (push-pull: Gortler et al., The Lumigraph, 1996, section 3.4)."""
    known = 1 - F.max_pool2d(planes(mask).gt(20).float(), 7, 1, 3)
    levels = [(planes(image) * known, known)]
    while min(levels[-1][1].shape[1:]) > 2:
        levels.append(tuple(F.avg_pool2d(p, 2, ceil_mode=True) for p in levels[-1]))
    colour, known = levels[-1]
    filled = colour / (known + 1e-4)
    for colour, known in levels[-2::-1]:  # colour is multiplied by known
        filled = F.interpolate(filled[None], size=known.shape[1:], mode="bilinear", align_corners=False)[0]
        filled = colour + filled * (1 - known)
    return Image.fromarray(filled.clamp(0, 255).byte().permute(1, 2, 0).numpy())


def write_whole(file, content):
    """Replaces a file only once the new one is whole."""
    part = file.with_name(file.name + ".part")
    part.write_bytes(content)
    os.replace(part, file)


def planes(image):
    """Channels×height×width float32 of a Pillow image, 0–255."""
    a = np.array(image, np.float32)
    return torch.from_numpy(a[None] if a.ndim == 2 else a.transpose(2, 0, 1).copy())
