"""Tests on generated pictures: python3 -m unittest discover training"""

import contextlib
import io
import itertools
import json
import struct
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

try:
    import numpy as np
    import torch
    from PIL import Image, ImageDraw
except ImportError as missing:
    raise unittest.SkipTest(str(missing)) from missing

import augment
import data
import export
import model
import train
import validate

PRIOR = HERE.parent / "imaging" / "prior"


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


class TestData(InFolder):
    def test_unusable_files_are_named_and_left_out(self):
        self.save(2)
        (self.images / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
        picture(1)[1].save(self.masks / "broken.png")
        cut = (self.images / "p0.jpg").read_bytes()
        (self.images / "cut.jpg").write_bytes(cut[: len(cut) // 2])
        picture(1)[1].save(self.masks / "cut.png")
        picture(3)[0].save(self.images / "alone.png")
        picture(3)[0].save(self.images / "narrow.png")
        picture(3, (90, 120))[1].save(self.masks / "narrow.png")
        picture(3)[0].save(self.images / "empty.png")
        Image.new("L", (120, 90)).save(self.masks / "empty.png")
        found, said = self.read()
        self.assertEqual(set(found), {"p0", "p1"})
        for name in ("broken.jpg", "cut.jpg", "alone.png", "narrow.png", "empty.png"):
            self.assertIn(name, said)
        self.assertEqual(said.count("\n"), 5, said)

    def test_cutouts_are_masks(self):
        image, mask = picture(1)
        image.save(self.images / "a.png")
        image.putalpha(mask)
        image.save(self.masks / "a.webp", lossless=True)
        found, said = self.read()
        self.assertEqual(np.asarray(found["a"].mask).tolist(), np.asarray(mask).tolist(), said)

    def test_damaged_chunks_leave_a_picture_out(self):
        """Chunks that Pillow does not expect to be this short raise whatever it stumbles over."""
        self.save(1)
        image, mask = picture(1)
        for kind, body in ((b"gAMA", b""), (b"pHYs", b""), (b"eXIf", b"II*\0\x08\0"), (b"zTXt", b"a\0\0zz"), (b"cHRM", b"\0"), (b"tRNS", b"\0")):
            name = kind.decode()
            image.save(self.images / f"{name}.png")
            mask.save(self.masks / f"{name}.png")
            raw = (self.images / f"{name}.png").read_bytes()
            end = raw.rindex(b"IEND") - 4
            chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            (self.images / f"{name}.png").write_bytes(raw[:end] + chunk + raw[end:])
        found, said = self.read()
        self.assertIn("p0", found)
        self.assertIn("gAMA.png", said)

    def test_masks_of_16_bits_are_scaled(self):
        picture(1)[0].save(self.images / "a.png")
        ramp = np.linspace(0, 65535, 120 * 90).reshape(90, 120).astype(np.uint16)
        Image.fromarray(ramp).save(self.masks / "a.png")
        found, said = self.read()
        self.assertAlmostEqual(data.foreground_share(found["a"].mask), 0.5, delta=0.01, msg=said)
        Image.fromarray(ramp).save(self.images / "a.png")
        self.assertAlmostEqual(np.asarray(data.read_image(self.images / "a.png")).mean(), 127, delta=1)

    def test_photos_are_upright_and_small(self):
        image, mask = picture(1, (600, 400))
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned clockwise
        image.transpose(Image.Transpose.ROTATE_90).save(self.images / "a.jpg", exif=exif)
        mask.save(self.masks / "a.png")
        found, said = self.read()
        self.assertEqual(found["a"].image.size, (224, 149), said)
        light = np.asarray(found["a"].image.convert("L")) > 120
        self.assertGreater(validate.iou(light, found["a"].mask), 0.9)

    def test_empty_folders_are_refused(self):
        with self.assertRaisesRegex(ValueError, "no picture of .*images"):
            data.read_folders([self.images], [self.masks], [1])
        with self.assertRaisesRegex(ValueError, "not a folder"):
            data.read_folders([self.dir / "none"], [self.masks], [1])
        with self.assertRaisesRegex(ValueError, "must be as many"):
            data.read_folders([self.images], [], [1])

    def test_the_same_pictures_are_held_out_whenever_others_are_added(self):
        few, many = examples(40), examples(80)
        _, held_few = data.split(few, set(), 0.2)
        training, held_many = data.split(many, set(), 0.2)
        names = {e.name for e in held_many}
        self.assertEqual({e.name for e in held_few}, names & {e.name for e in few})
        self.assertFalse(names & {e.name for e in training})
        self.assertEqual(len(names) + len(training), 80)
        self.assertEqual([e.name for e in data.split(few, {"p3"}, 0.2)[1]], ["p3"])
        with self.assertRaisesRegex(ValueError, "0 to validate on"):
            data.split(few, {"unknown"}, 0.2)

    def test_input_is_centred_bgr(self):
        rgb = np.zeros((model.SIDE, model.SIDE, 3), np.uint8)
        rgb[..., 0], rgb[..., 2] = 182, 54
        x = data.to_input(rgb, np.full((model.SIDE, model.SIDE), 255))
        self.assertEqual(x[:, 5, 7].tolist(), [-1, -118 / 64, 1, 1])

    def test_backgrounds_have_no_subject(self):
        image, mask = picture(1)
        filled = np.asarray(data.without_subject(image, mask), np.int32)
        self.assertLess(filled.max(), 110)  # the disc has 230
        outside = np.asarray(mask.filter(augment.ImageFilter.MaxFilter(9))) == 0
        self.assertLessEqual(np.abs(filled - np.asarray(image))[outside].max(), 1)


class TestAugment(unittest.TestCase):
    def test_batches_repeat(self):
        backgrounds = data.own_backgrounds(examples(4))
        batches = augment.Batches(examples(4), backgrounds, 24, seed=5)
        (x, y), (again, _), (other, _) = batches[3], batches[3], batches[4]
        self.assertTrue(torch.equal(x, again))
        self.assertFalse(torch.equal(x, other))
        self.assertEqual((x.shape, y.shape), ((24, 4, 160, 160), (24, 1, 160, 160)))
        self.assertTrue(-1e-4 < y.min() and y.max() < 1.0001 and y.mean() > 0.02)
        given = x[:, 3].amax((1, 2)) > 0
        self.assertTrue(0 < given.sum() < 24, "some have a roi, some none")

    def test_the_mask_stays_on_the_subject(self):
        for seed in range(40):
            rng = np.random.default_rng(seed)
            image, mask = picture(seed)
            box = augment.random_crop(mask, rng)
            view = augment.warp(torch.cat([data.planes(image), data.planes(mask)]), box, rng.uniform(-12, 12), seed % 2 == 1)
            light, truth = view[0] > 140, view[3] > 127
            self.assertGreater(((light & truth).sum() / (light | truth).sum()).item(), 0.9, seed)

    def test_warp_flips_and_crops(self):
        ramp = torch.arange(200.0).repeat(100, 1)[None]
        whole = augment.warp(ramp, (0, 0, 200, 100), 0, False)[0]
        self.assertTrue(torch.allclose(augment.warp(ramp, (0, 0, 200, 100), 0, True)[0], whole.flip(1), atol=1e-3))
        right = augment.warp(ramp, (100, 0, 100, 100), 0, False)[0]
        self.assertTrue(99 < right.min() < 101 and 198 < right.max() < 200)

    def test_roi_holds_the_largest_piece(self):
        mask = Image.new("L", (200, 120))
        draw = ImageDraw.Draw(mask)
        draw.rectangle((10, 10, 80, 100), fill=255)
        draw.rectangle((130, 40, 170, 80), fill=255)
        largest = augment.largest_piece(mask)
        self.assertEqual(largest.getbbox(), (10, 10, 81, 101))
        both = {augment.around_subject(mask, np.random.default_rng(s))[0].getbbox()[2] for s in range(12)}
        self.assertEqual(both, {81, 171})

    def test_composites_keep_foreground_and_mask_together(self):
        background = Image.new("RGB", (150, 100), (0, 60, 0))
        for seed in range(20):
            image, mask = picture(seed)
            image, mask = augment.composite(image, mask, background, np.random.default_rng(seed))
            self.assertEqual(image.size, background.size)
            red = np.asarray(image)[..., 0] > 60  # the background has none
            self.assertGreater(validate.iou(red, mask), 0.85, seed)


class TestModel(unittest.TestCase):
    def test_shapes(self):
        net = model.Net()
        outputs = net(torch.zeros(2, 4, 160, 160))
        self.assertEqual([tuple(z.shape[2:]) for z in outputs], [(80, 80), (10, 10), (20, 20)])
        self.assertEqual(net.eval()(torch.zeros(2, 4, 160, 160)).shape, (2, 1, 80, 80))

    def test_loss_falls_towards_the_mask(self):
        masks = torch.zeros(1, 1, 160, 160)
        masks[..., 32:128, 32:128] = 1
        right = [torch.nn.functional.avg_pool2d(masks, 160 // s) * 16 - 8 for s in (80, 10, 20)]
        self.assertLess(train.loss(right, masks), 0.02)
        self.assertGreater(train.loss([-z for z in right], masks), 8)

    def test_learning_rate(self):
        self.assertAlmostEqual(train.learning_rate(1, 0, 0), 1.01 / 150)
        self.assertAlmostEqual(train.learning_rate(1, 1000, 0.5), 0.51)
        self.assertAlmostEqual(train.learning_rate(1, 1000, 1), 0.01)


class TestExport(unittest.TestCase):
    def test_the_shipped_weights_are_the_shipped_checkpoint(self):
        description, weights = export.fold(model.load(HERE / "net.pt"))
        self.assertEqual(description, json.loads((PRIOR / "net.json").read_text()))
        self.assertEqual(weights.tobytes(), (PRIOR / "net.f16").read_bytes())

    def test_weights_beyond_float16_are_refused(self):
        for value in (1e6, float("nan")):
            net = model.Net().eval()
            with torch.no_grad():
                net.out.bias.fill_(value)
            with self.assertRaisesRegex(ValueError, "float16"):
                export.fold(net)


class TestTrain(InFolder):
    def arguments(self, out, *more):
        given = ["--images", str(self.images), "--masks", str(self.masks), "--out", str(self.dir / out)]
        return [*given, "--batch", "4", "--workers", "0", "--threads", "1", "--device", "cpu", *more]

    def run_quietly(self, function, *args):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            function(*args)
        return said.getvalue()

    def test_two_steps_export_and_what_export_wrote(self):
        self.save(6)
        said = self.run_quietly(train.main, self.arguments("out", "--init", "auto", "--epochs", "1"))
        self.assertIn("5 pictures to train on, 1 to validate on", said)
        self.assertIn("step 2: validation IoU", said)
        description_file = self.dir / "out" / "net.json"
        self.run_quietly(export.main, [str(self.dir / "out" / "net.pt"), str(description_file)])  # asks Go, too, where it is
        description = json.loads(description_file.read_text())
        weights = np.fromfile(description_file.with_suffix(".f16"), "<f2")
        x = np.fromfile(description_file.with_suffix(".x.f32"), "<f4").reshape(1, 4, 160, 160)
        z = np.fromfile(description_file.with_suffix(".z.f32"), "<f4").reshape(1, 1, 80, 80)
        np.testing.assert_allclose(export.forward(description, weights, torch.from_numpy(x)).numpy(), z, atol=1e-4)
        with torch.no_grad():
            unfolded = model.load(self.dir / "out" / "net.pt")(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(z, unfolded, atol=0.1)  # float16

    def test_a_resumed_run_ends_where_an_unbroken_one_does(self):
        backgrounds = data.own_backgrounds(examples(4))
        batches = augment.Batches(examples(4), backgrounds, 4, seed=1)
        args = train.arguments(self.arguments("out", "--epochs", "1"))
        unbroken, broken, resumed = train.Run(args), train.Run(args), train.Run(args)
        for step in range(4):
            train.train_step(unbroken, *batches[step], args)
        for step in range(2):
            train.train_step(broken, *batches[step], args)
        broken.save(self.dir / "resume.pt")
        resumed.load(self.dir / "resume.pt", "cpu")
        for step in itertools.takewhile(lambda s: s < 4, itertools.count(resumed.step)):
            train.train_step(resumed, *batches[step], args)
        for name, value in unbroken.ema.state_dict().items():
            self.assertTrue(torch.equal(value, resumed.ema.state_dict()[name]), name)

    def test_a_run_is_not_overwritten(self):
        self.save(4)
        self.run_quietly(train.main, self.arguments("out", "--epochs", "1"))
        with self.assertRaisesRegex(SystemExit, "--resume goes on"):
            train.main(self.arguments("out", "--epochs", "1"))
        with self.assertRaisesRegex(SystemExit, "nothing to resume"):
            train.main(self.arguments("other", "--epochs", "1", "--resume"))
        said = self.run_quietly(train.main, self.arguments("out", "--epochs", "2", "--resume"))
        self.assertIn("step 2: validation IoU", said)

    def test_a_network_that_finds_nothing_is_kept_too(self):
        self.save(4)
        net = model.Net()
        with torch.no_grad():
            net.out.bias.fill_(-30)
        torch.save(net.state_dict(), self.dir / "nothing.pt")
        said = self.run_quietly(train.main, self.arguments("out", "--init", str(self.dir / "nothing.pt"), "--epochs", "1"))
        self.assertIn("validation IoU 0.0000, with a roi 0.0000, before training", said)
        self.assertTrue((self.dir / "out" / "net.pt").exists())

    def test_empty_folders_end_it(self):
        with self.assertRaisesRegex(SystemExit, "no picture of"):
            train.main(self.arguments("out", "--epochs", "1"))

    def test_random_weights_learn(self):
        """From random weights, discs are told from a gradient after a few steps."""
        args = train.arguments(self.arguments("out", "--epochs", "1"))
        run = train.Run(args)
        batches = augment.Batches(examples(8), [], 8, seed=1)
        for group in run.optimizer.param_groups:
            group["lr"] = 3e-3
        losses = [train.train_step(run, *batches[0], args) for _ in range(12)]
        self.assertLess(losses[-1], 0.8 * losses[0], losses)


if __name__ == "__main__":
    unittest.main()
