"""Strokes as a person would draw them: inside what the present answer has wrong."""

import numpy as np
import torch
from torch.nn import functional as F

from model import DROP, KEEP, MASK

FRESH = 0.3  # share of those with strokes that are marked before there is an answer
TRIMAPS = 0.15  # share of marked samples with all that is far from the edge marked
MOST_STROKES = 5
LEAST_REGION = 0.002  # share of the picture below which nobody would correct a fault


def add(inputs, masks, marked, net, rng):
    """Adds strokes and the answer so far to the inputs (b×7×h×w) that are marked, in place; to some a trimap.

    masks are b×1×h×w, 0–1. Strokes lie where the network's present answer is wrong. Fresh ones come without an answer: then
    each lies anywhere in the subject or around it.
    """
    chosen = np.flatnonzero(marked)
    if not len(chosen):
        return
    answers = ask(net, inputs[chosen])
    for i, answer in zip(chosen, answers):
        truth = (masks[i, 0] > 0.5).cpu().numpy()
        if rng.random() < TRIMAPS:
            inputs[i, KEEP], inputs[i, DROP] = (torch.from_numpy(part) for part in trimap(truth, rng))
            continue
        fresh = rng.random() < FRESH
        wanted = truth if fresh else truth & (answer < 0)
        unwanted = ~truth if fresh else ~truth & (answer > 0)
        keep, drop = strokes(wanted, unwanted, rng)
        inputs[i, KEEP], inputs[i, DROP] = torch.from_numpy(keep), torch.from_numpy(drop)
        if not fresh:
            inputs[i, MASK] = torch.from_numpy(np.tanh(answer / 2).astype(np.float32))


def trimap(truth, rng):
    """Marks all of the subject and of the rest (h×w bool) but a band between; each h×w 0 or 1."""
    return [deepest(part, rng.integers(2, 12)).astype(np.float32) for part in (truth, ~truth)]


def ask(net, inputs):
    """The network's log-odds, n×h×w float32 of the inputs' size."""
    training = net.training
    net.eval()
    with torch.no_grad():
        z = net(inputs).float()
    net.train(training)
    return F.interpolate(z, size=inputs.shape[2:], mode="bilinear", align_corners=False)[:, 0].cpu().numpy()


def strokes(wanted, unwanted, rng):
    """Draws one to MOST_STROKES strokes inside two masks (h×w bool): what is to be kept and what dropped, each h×w 0 or 1."""
    drawn = [np.zeros(m.shape, np.float32) for m in (wanted, unwanted)]
    for _ in range(rng.integers(1, MOST_STROKES + 1)):
        sizes = np.array([m.mean() for m in (wanted, unwanted)])
        sizes[sizes < LEAST_REGION] = 0
        if not sizes.any():
            break
        odds = np.sqrt(sizes)  # or the background would get nearly all
        which = rng.choice(2, p=odds / odds.sum())
        draw_stroke(drawn[which], (wanted, unwanted)[which], rng)
    return drawn


def draw_stroke(canvas, region, rng):
    """Draws a short line of two pieces that stays inside the region."""
    h, w = region.shape
    inner = deepest(region, rng.integers(1, 6))
    ys, xs = np.nonzero(inner)
    at = rng.integers(len(ys))
    points = [np.array([ys[at], xs[at]], np.float32)]
    for _ in range(2):
        near = points[-1] + rng.normal(0, 0.08 * min(h, w), (16, 2))
        inside = [p for p in near if 0 <= p[0] < h and 0 <= p[1] < w and inner[int(p[0]), int(p[1])]]
        if inside:
            points.append(inside[0].astype(np.float32))
    radius = rng.uniform(1, 4) * min(h, w) / 224
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    for a, b in zip(points, points[1:] or points):
        canvas[(distance(y, x, a, b) <= radius) & region] = 1


def deepest(region, rounds):
    """The region without its rim, as far as something is left of it."""
    inner = torch.from_numpy(region.astype(np.float32))[None, None]
    for _ in range(rounds):
        smaller = -F.max_pool2d(-inner, 3, 1, 1)
        if not smaller.any():
            break
        inner = smaller
    return inner[0, 0].numpy() > 0


def distance(y, x, a, b):
    """Distances in px of pixels from the line between two points, each (y, x)."""
    along = b - a
    length = max(float(along @ along), 1e-6)
    t = np.clip(((y - a[0]) * along[0] + (x - a[1]) * along[1]) / length, 0, 1)
    return np.hypot(y - a[0] - t * along[0], x - a[1] - t * along[1])
