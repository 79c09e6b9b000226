"""Tests of data.py: python3 -m unittest discover training"""

import struct
import unittest
import zlib

from pictures import InFolder, examples, picture

import numpy as np
from PIL import Image

import augment
import data
import model
import validate


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
        self.assertEqual(found["a"].image.size, (256, 171), said)
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
        rgb = np.zeros((32, 64, 3), np.uint8)
        rgb[..., 0], rgb[..., 2] = 182, 54
        x = data.to_input(rgb, np.full((32, 64), 255))
        self.assertEqual(x.shape, (model.CHANNELS, 32, 64))
        self.assertEqual(x[:, 5, 7].tolist(), [-1, -118 / 64, 1, 1, 0, 0, 0])

    def test_backgrounds_have_no_subject(self):
        image, mask = picture(1)
        filled = np.asarray(data.without_subject(image, mask), np.int32)
        self.assertLess(filled.max(), 110)  # the disc has 230
        outside = np.asarray(mask.filter(augment.ImageFilter.MaxFilter(9))) == 0
        self.assertLessEqual(np.abs(filled - np.asarray(image))[outside].max(), 1)

    def test_doubtful_labels_are_left_out(self):
        self.save(3)
        lines = ["name,teacher,certainty,inside,share", "p0,t,0.99,0.95,0.2", "p1,t,0.7,0.95,0.2", "p2,t,0.99,0.5,0.2"]
        (self.masks / "labels.csv").write_text("\n".join(lines))
        found, said = self.read()
        self.assertEqual(set(found), {"p0"})
        self.assertIn("2 labels left out", said)


if __name__ == "__main__":
    unittest.main()
