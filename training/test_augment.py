"""Tests of augment.py and hints.py: python3 -m unittest discover training"""

import unittest

from pictures import examples, picture

import numpy as np
import torch
from PIL import Image, ImageDraw

import augment
import data
import hints
import model
import validate


class TestAugment(unittest.TestCase):
    def test_batches_repeat(self):
        backgrounds = data.own_backgrounds(examples(4))
        batches = augment.Batches(examples(4), backgrounds, 24, 96, seed=5)
        first, again, other = batches[3], batches[3], batches[4]
        x, y = first.inputs, first.masks
        self.assertTrue(torch.equal(x, again.inputs))
        self.assertFalse(torch.equal(x, other.inputs))
        self.assertEqual((x.shape, y.shape), ((24, 7, 96, 96), (24, 1, 96, 96)))
        self.assertTrue(-1e-4 < y.min() and y.max() < 1.0001 and y.mean() > 0.02)
        given = x[:, model.ROI].amax((1, 2)) > 0
        self.assertTrue(0 < given.sum() < 24, "some have a roi, some none")
        self.assertTrue(0 < first.marked.sum() < 24, "some get strokes, some none")
        plain = augment.Batches(examples(4), backgrounds, 24, 96, seed=5, hints=False)[3]
        self.assertEqual((plain.inputs[:, model.ROI :].abs().sum().item(), plain.marked.sum()), (0, 0))

    def test_the_mask_stays_on_the_subject(self):
        for seed in range(40):
            rng = np.random.default_rng(seed)
            image, mask = picture(seed)
            box = augment.random_crop(mask, rng)
            view = augment.warp(torch.cat([data.planes(image), data.planes(mask)]), box, rng.uniform(-12, 12), seed % 2 == 1, 160)
            light, truth = view[0] > 140, view[3] > 127
            self.assertGreater(((light & truth).sum() / (light | truth).sum()).item(), 0.9, seed)

    def test_warp_flips_and_crops(self):
        ramp = torch.arange(200.0).repeat(100, 1)[None]
        whole = augment.warp(ramp, (0, 0, 200, 100), 0, False, 160)[0]
        self.assertTrue(torch.allclose(augment.warp(ramp, (0, 0, 200, 100), 0, True, 160)[0], whole.flip(1), atol=1e-3))
        right = augment.warp(ramp, (100, 0, 100, 100), 0, False, 160)[0]
        self.assertTrue(99 < right.min() < 101 and 198 < right.max() < 200)

    def test_roi_holds_the_largest_piece(self):
        mask = Image.new("L", (200, 120))
        draw = ImageDraw.Draw(mask)
        draw.rectangle((10, 10, 80, 100), fill=255)
        draw.rectangle((130, 40, 170, 80), fill=255)
        largest = augment.largest_piece(mask)
        self.assertEqual(largest.getbbox(), (10, 10, 81, 101))
        rights = [augment.around_subject(mask, np.random.default_rng(s))[0].getbbox()[2] for s in range(60)]
        self.assertGreater(min(rights.count(81), rights.count(171)), 12, rights)

    def test_nothing_outside_a_roi_is_wanted(self):
        mask = Image.new("L", (200, 120))
        ImageDraw.Draw(mask).rectangle((40, 20, 160, 100), fill=255)
        shares = []
        for seed in range(100):
            wanted, roi, _ = augment.around_subject(mask, np.random.default_rng(seed))
            wanted, roi = np.asarray(wanted) > 0, np.asarray(roi) > 0
            shares.append(wanted.sum() / (np.asarray(mask) > 0).sum())
            if shares[-1] < 1:  # the roi cuts through the subject
                self.assertFalse((wanted & ~roi).any(), seed)
        self.assertTrue(2 < sum(s < 0.97 for s in shares) < 25, shares)

    def test_composites_keep_foreground_and_mask_together(self):
        background = Image.new("RGB", (150, 100), (0, 60, 0))
        for seed in range(20):
            image, mask = picture(seed)
            image, mask = augment.composite(image, mask, background, np.random.default_rng(seed))
            self.assertEqual(image.size, background.size)
            red = np.asarray(image)[..., 0] > 60  # the background has none
            self.assertGreater(validate.iou(red, mask), 0.85, seed)

    def test_several_subjects_and_none(self):
        """Over many samples some masks are empty, and some composites have two discs."""
        batches = augment.Batches(examples(4), data.own_backgrounds(examples(4)), 1, 96, seed=1)
        masks = [batches.picture(np.random.default_rng(s))[1] for s in range(300)]
        shares = [data.foreground_share(m) for m in masks]
        self.assertTrue(0 < sum(s == 0 for s in shares) < 30, shares)
        pieces = [np.asarray(augment.largest_piece(m)) for m in masks]
        self.assertTrue(any((p > 127).mean() < 0.9 * s for p, s in zip(pieces, shares)))


class Always(torch.nn.Module):
    """A network that gives the same log-odds for whatever picture."""

    def __init__(self, odds):
        super().__init__()
        self.odds = odds

    def forward(self, x):
        return self.odds.expand(len(x), 1, -1, -1)


class TestHints(unittest.TestCase):
    def setUp(self):
        self.masks = torch.zeros(1, 1, 64, 64)
        self.masks[..., 16:48, 8:56] = 1
        odds = torch.full((32, 32), -6.0)  # half the subject is missing, and there is something at the top
        odds[8:24, 4:16] = 6
        odds[:5, 20:] = 6
        self.net = Always(odds)

    def add(self, seed, marked=True):
        inputs = torch.zeros(1, model.CHANNELS, 64, 64)
        hints.add(inputs, self.masks, np.array([marked]), self.net, np.random.default_rng(seed))
        return inputs[0]

    def test_strokes_lie_where_the_answer_is_wrong(self):
        truth = self.masks[0, 0] > 0
        answers = kept = dropped = 0
        for seed in range(60):
            x = self.add(seed)
            keep, drop, answer = x[model.KEEP] > 0, x[model.DROP] > 0, x[model.MASK]
            self.assertTrue((keep | drop).any(), seed)
            self.assertFalse((keep & ~truth).any() or (drop & truth).any(), seed)
            if answer.any():
                answers += 1
                self.assertFalse((keep & (answer > 0)).any() or (drop & (answer < 0)).any(), seed)
                self.assertTrue(-1 <= answer.min() and answer.max() <= 1)
                self.assertGreater(answer[32, 16], 0.9)
            kept, dropped = kept + keep.any().item(), dropped + drop.any().item()
        self.assertTrue(20 < answers < 60 and kept > 20 and dropped > 20, (answers, kept, dropped))

    def test_what_is_not_marked_stays(self):
        self.assertEqual(self.add(1, marked=False).abs().sum().item(), 0)

    def test_a_right_answer_gets_no_stroke(self):
        self.net = Always((torch.nn.functional.avg_pool2d(self.masks, 2) * 12 - 6)[0, 0])
        given = [self.add(seed) for seed in range(40)]
        answered = [x for x in given if x[model.MASK].any()]
        self.assertTrue(answered)
        self.assertTrue(any(x[model.KEEP].mean() > 0.1 and x[model.DROP].mean() > 0.1 for x in given), "some have trimaps")
        self.assertEqual(sum(x[model.KEEP].sum() + x[model.DROP].sum() for x in answered).item(), 0)


if __name__ == "__main__":
    unittest.main()
