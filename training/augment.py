"""Random variations of pictures with masks: what the network is trained on."""

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageChops, ImageFilter
from torch.nn import functional as F

from data import foreground_share, planes, to_input

COMPOSITES = 0.25  # share of samples whose foreground is put before another background
SECONDS = 0.2  # share of those with another subject beside the first
EMPTY = 0.02  # share of samples without a subject
TURNED = 0.1  # share of samples that lie on a side or upside down
ROIS = 0.25  # share of samples with a roi
CUT_ROIS = 0.1  # share of those that cut through the subject
MARKED, MARKED_IN_ROI = 0.35, 0.2  # share of samples with strokes, without a roi and with one; see hints.py


@dataclass
class Batch:
    inputs: torch.Tensor  # b×7×side×side
    masks: torch.Tensor  # b×1×side×side, 0–1
    marked: np.ndarray  # b: whether hints are to be added


class Batches:
    """Batch n is the same for the same examples, seed and n."""

    def __init__(self, examples, backgrounds, size, side, seed, hints=True):
        self.examples, self.backgrounds, self.size, self.side, self.seed = examples, backgrounds, size, side, seed
        self.hints = hints
        weights = np.array([e.weight for e in examples])
        self.odds = weights / weights.sum()

    def __getitem__(self, n):
        rng = np.random.default_rng((self.seed, n))
        samples = [self.sample(rng) for _ in range(self.size)]
        inputs, masks, marked = zip(*samples)
        return Batch(torch.from_numpy(np.stack(inputs)), torch.from_numpy(np.stack(masks)), np.array(marked))

    def draw(self, rng):
        return self.examples[rng.choice(len(self.examples), p=self.odds)]

    def sample(self, rng):
        """One input, 7×side×side, its mask, 1×side×side, and whether strokes are to be added."""
        image, mask = self.picture(rng)
        roi, angle = None, 0
        if self.hints and foreground_share(mask) > 0 and rng.random() < ROIS:
            mask, roi, box = around_subject(mask, rng)
        else:
            box = random_crop(mask, rng)
            angle = rng.uniform(-12, 12) if rng.random() < 0.3 else 0
        layers = [planes(image), planes(mask)] + ([planes(roi)] if roi else [])
        view = warp(torch.cat(layers), box, angle, rng.random() < 0.5, self.side)
        rgb = recolour(view[:3].permute(1, 2, 0).numpy(), rng)
        marked = self.hints and rng.random() < (MARKED_IN_ROI if roi else MARKED)
        return to_input(rgb, view[4].numpy() if roi else None), view[3:4].numpy() / 255, marked

    def picture(self, rng):
        """An example's image and mask, or a composite, or a background alone."""
        if self.backgrounds and rng.random() < EMPTY:
            image = self.backgrounds[rng.integers(len(self.backgrounds))]
            return image, Image.new("L", image.size)
        e = self.draw(rng)
        image, mask = e.image, e.mask
        if self.backgrounds and rng.random() < COMPOSITES:
            background = self.backgrounds[rng.integers(len(self.backgrounds))]
            image, mask = composite(image, mask, background, rng)
            if rng.random() < SECONDS:
                other = self.draw(rng)
                image, second = composite(other.image, other.mask, image, rng)
                pasted = image is not other.image
                mask = ImageChops.lighter(mask, second) if pasted else second
        if rng.random() < TURNED:
            turn = Image.Transpose(rng.choice([Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270]))
            image, mask = image.transpose(turn), mask.transpose(turn)
        return image, mask


def composite(image, mask, background, rng):
    """Cuts the foreground out and pastes it somewhere on the background; people cut off below stay so."""
    x0, y0, x1, y1 = box_of(mask)
    box = max(0, x0 - 3), max(0, y0 - 3), min(mask.width, x1 + 3), min(mask.height, y1 + 3)
    foreground, alpha = image.crop(box), mask.crop(box)
    width, height = background.size
    scale = np.sqrt(rng.uniform(0.08, 0.6) * width * height / (foreground.width * foreground.height))
    scale = min(scale, 1.15 * width / foreground.width, 1.15 * height / foreground.height)
    size = max(8, int(foreground.width * scale)), max(8, int(foreground.height * scale))
    foreground, alpha = (p.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR) for p in (foreground, alpha))
    if rng.random() < 0.4:
        foreground = relight(foreground, alpha, background, rng.uniform(0.2, 0.7))
    if rng.random() < 0.5:
        foreground, alpha = (p.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for p in (foreground, alpha))
    if rng.random() < 0.5:
        alpha = alpha.filter(ImageFilter.GaussianBlur(0.7))
    spare_x, spare_y = width - size[0], height - size[1]
    x = int(rng.integers(min(0, spare_x), max(0, spare_x) + 1))
    y = spare_y if y1 >= mask.height - 1 else int(rng.integers(min(0, spare_y), max(0, spare_y) + 1))
    pasted, pasted_mask = background.copy(), Image.new("L", background.size)
    pasted.paste(foreground, (x, y), alpha)
    pasted_mask.paste(alpha, (x, y))
    return (pasted, pasted_mask) if foreground_share(pasted_mask) > 0.01 else (image, mask)


def relight(foreground, alpha, background, strength):
    """Moves the foreground's mean colour towards the background's."""
    rgb = np.asarray(foreground, np.float32)
    inside = np.asarray(alpha) > 127
    shift = np.asarray(background, np.float32).mean((0, 1)) - rgb[inside].mean(0) if inside.any() else 0
    return Image.fromarray(np.clip(rgb + shift * strength, 0, 255).astype(np.uint8))


def box_of(mask):
    """The foreground's left, top, right and bottom in px; the whole mask's if there is none."""
    return mask.point(lambda v: 255 * (v > 127)).getbbox() or (0, 0, *mask.size)


def random_crop(mask, rng):
    """A box (x, y, width, height) in px: mostly a part that keeps most of the subject, else the whole or a little more."""
    w, h = mask.size
    if rng.random() >= 0.75:
        margin = rng.uniform(0.02, 0.2) if rng.random() < 0.25 else 0
        return -margin * w, -margin * h, w * (1 + 2 * margin), h * (1 + 2 * margin)
    foreground = np.asarray(mask) > 127
    for _ in range(8):
        share = rng.uniform(0.55, 1)
        cw, ch = w * share, h * np.clip(share * rng.uniform(0.8, 1.25), 0.5, 1)
        x, y = rng.uniform(0, w - cw), rng.uniform(0, h - ch)
        if foreground[int(y) : int(y + ch), int(x) : int(x + cw)].sum() > 0.75 * foreground.sum():
            return x, y, cw, ch
    return 0, 0, w, h


def around_subject(mask, rng):
    """A jittered roi around the subject, of several sometimes only the largest.

    Returns the mask, the roi as an image of the same size and the box (x, y, width, height) that the engine would look at.
    """
    if rng.random() < 0.5:
        mask = largest_piece(mask)
    x0, y0, x1, y1 = box_of(mask)
    width, height = x1 - x0, y1 - y0
    left, top, right, bottom = (int(round(rng.uniform(-0.02, 0.13) * side)) for side in (width, height, width, height))
    x0, y0 = max(0, x0 - left), max(0, y0 - top)
    x1, y1 = max(x0 + 1, min(mask.width, x1 + right)), max(y0 + 1, min(mask.height, y1 + bottom))
    roi = Image.new("L", mask.size)
    roi.paste(255, (x0, y0, x1, y1))
    if rng.random() < CUT_ROIS:  # only a part of the subject is wanted
        x0, x1, y0, y1 = *cut_short(x0, x1, rng), *cut_short(y0, y1, rng)
        roi = Image.new("L", mask.size)
        roi.paste(255, (x0, y0, x1, y1))
        mask = ImageChops.darker(mask, roi)
    x0, y0, x1, y1 = surroundings((x0, y0, x1, y1), mask.size, rng.uniform(0.10, 0.22))
    return mask, roi, (x0, y0, x1 - x0, y1 - y0)


def cut_short(first, end, rng):
    """A stretch of px without up to half of it at one end."""
    less = int((end - first) * rng.uniform(0, 0.5))
    return (first + less, end) if rng.random() < 0.5 else (first, end - less)


def surroundings(roi, size, share):
    """The roi (left, top, right, bottom), widened by a share of its sides and 2 px, inside a picture of that size."""
    x0, y0, x1, y1 = roi
    dx, dy = share * (x1 - x0) + 2, share * (y1 - y0) + 2
    return max(0, x0 - dx), max(0, y0 - dy), min(size[0], x1 + dx), min(size[1], y1 + dy)


def largest_piece(mask):
    """The mask without all but its largest connected piece, pieces being told apart at a quarter of its resolution."""
    small = F.max_pool2d(planes(mask).gt(127).float(), 4, ceil_mode=True)
    labels = small * torch.arange(1, small.numel() + 1).reshape(small.shape)
    while True:  # the largest label of a piece spreads over it
        spread = F.max_pool2d(labels, 3, 1, 1) * small
        if torch.equal(spread, labels):
            break
        labels = spread
    sizes = labels.int().flatten().bincount()
    sizes[0] = 0
    if (sizes > 0).sum() < 2:
        return mask
    piece = F.max_pool2d(labels.eq(sizes.argmax()).float(), 3, 1, 1)
    piece = piece.repeat_interleave(4, 1).repeat_interleave(4, 2)[0, : mask.height, : mask.width]
    return Image.fromarray((np.asarray(mask) * piece.numpy()).astype(np.uint8))


def warp(layers, box, angle, flip, side):
    """Shows what is in the box, c×h×w, turned by angle (degrees) around its centre, as c×side×side; mirrored beyond the edges."""
    x, y, w, h = box
    if max(w, h) > 1.3 * side:  # or every third pixel would be skipped
        layers = F.avg_pool2d(layers, 2, stride=1)
    height, width = layers.shape[1:]
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    sign = -1 if flip else 1
    theta = [  # from the output's coordinates to the input's, both −1 to 1
        [sign * c * w / width, -s * h / width, (2 * x + w) / width - 1],
        [sign * s * w / height, c * h / height, (2 * y + h) / height - 1],
    ]
    grid = F.affine_grid(torch.tensor([theta], dtype=torch.float32), [1, 1, side, side], align_corners=False)
    return F.grid_sample(layers[None], grid, padding_mode="reflection", align_corners=False)[0]


def recolour(rgb, rng):
    """Varies light, contrast, saturation, white balance and gamma, adds noise, blurs or compresses h×w×3, 0–255."""
    if rng.random() < 0.8:
        rgb = rgb * (1 + rng.uniform(-0.25, 0.25)) + rng.uniform(-25, 25)
        mean = rgb.mean()
        rgb = (rgb - mean) * (1 + rng.uniform(-0.35, 0.35)) + mean
        grey = rgb.mean(2, keepdims=True)
        rgb = (grey + (rgb - grey) * rng.uniform(0.4, 1.6)) * rng.uniform(0.88, 1.12, (1, 1, 3))
    if rng.random() < 0.05:  # pale on pale, or dark on dark
        level, contrast = rng.choice([rng.uniform(190, 240), rng.uniform(20, 60)]), rng.uniform(0.15, 0.5)
        rgb = level + (rgb - rgb.mean()) * contrast
    if rng.random() < 0.2:
        rgb = 255 * (np.clip(rgb, 0, 255) / 255) ** rng.uniform(0.6, 1.6)
    kind = rng.random()
    if kind < 0.06:
        rgb = np.repeat(rgb.mean(2, keepdims=True), 3, 2)
    elif kind < 0.10:
        rgb = rgb[..., rng.permutation(3)]
    if rng.random() < 0.15:
        rgb = rgb + rng.normal(0, rng.uniform(2, 12), rgb.shape)
    rgb = np.clip(rgb, 0, 255).astype(np.uint8)
    damage = rng.random()
    if damage < 0.08:
        return Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.3)))
    if damage < 0.16:
        return compressed(Image.fromarray(rgb), int(rng.integers(20, 70)))
    return rgb


def compressed(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")
