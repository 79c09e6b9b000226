"""How often the network is right: mean intersection over union on pictures that it was not trained on."""

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from augment import box_of, surroundings
from data import squeeze, to_input

ROI_MARGIN = 0.07  # share of the mask's box by which a roi is wider


def ious(net, examples, side):
    """Thresholds the log-odds at 0, at the examples' own size, without the engine's later steps.

    Returns two numbers for each example: with nothing given, and with a roi.
    """
    net.eval()
    return [(without_hints(net, e, side), with_roi(net, e, side)) for e in examples]


def without_hints(net, e, side):
    return iou(log_odds(net, e.image, None, side) > 0, e.mask)


def with_roi(net, e, side):
    roi = widened_box(e.mask, ROI_MARGIN)
    x0, y0, x1, y1 = (int(v) for v in surroundings(roi, e.mask.size, 0.15))
    inside = Image.new("L", e.mask.size)
    inside.paste(255, roi)
    found = np.zeros((e.mask.height, e.mask.width), bool)
    z = log_odds(net, e.image.crop((x0, y0, x1, y1)), inside.crop((x0, y0, x1, y1)), side)
    found[y0:y1, x0:x1] = z > 0
    return iou(found & (np.asarray(inside) > 0), e.mask)


def log_odds(net, image, roi, side):
    """Runs the network once on an image and, if there is one, a roi of the same size; returns h×w log-odds of that size."""
    x = to_input(squeeze(image, side), None if roi is None else squeeze(roi, side))
    device = next(net.parameters()).device
    with torch.no_grad():
        z = net(torch.from_numpy(x)[None].to(device)).float().cpu()
    return F.interpolate(z, size=(image.height, image.width), mode="bilinear", align_corners=False)[0, 0].numpy()


def iou(found, mask):
    truth = np.asarray(mask) > 127
    return (found & truth).sum() / max(1, (found | truth).sum())


def widened_box(mask, share):
    x0, y0, x1, y1 = box_of(mask)
    dx, dy = int((x1 - x0) * share), int((y1 - y0) * share)
    return max(0, x0 - dx), max(0, y0 - dy), min(mask.width, x1 + dx), min(mask.height, y1 + dy)
