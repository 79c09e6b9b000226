"""Tests of label.py with a small model of its own: python3 -m unittest discover training"""

import csv
import json
import unittest

from pictures import InFolder, picture, quietly

import numpy as np
from PIL import Image

import data
import label
import validate


def field(number, value):
    """A field of a protocol buffer: a number, or bytes."""

    def varint(v):
        out = bytearray()
        while v > 127:
            out.append(v & 127 | 128)
            v >>= 7
        return bytes([*out, v])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def model_of(op, side):
    """The bytes of an ONNX file: 1×3×side×side → 1×1×side×side by one reduction over the channels."""
    axes = field(1, "axes") + field(20, 7) + field(8, 1)
    keep = field(1, "keepdims") + field(20, 2) + field(3, 1)
    node = field(1, "x") + field(2, "y") + field(4, op) + field(5, axes) + field(5, keep)

    def tensor(name, channels):
        shape = b"".join(field(1, field(1, n)) for n in (1, channels, side, side))
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

    graph = field(1, node) + field(2, "mean") + field(11, tensor("x", 3)) + field(12, tensor("y", 1))
    return field(7, graph) + field(1, 8) + field(8, field(2, 13))


class TestLabel(InFolder):
    def setUp(self):
        super().setUp()
        self.out = self.dir / "labels"
        description = {"name": "mean", "side": 64, "order": "RGB", "mean": 120, "scale": 10, "output": "logits"}
        self.teacher, self.model = self.dir / "mean.json", self.dir / "mean.onnx"
        self.teacher.write_text(json.dumps(description))
        self.model.write_bytes(model_of("ReduceMean", 64))

    def label(self, *more):
        given = ["--images", str(self.images), "--out", str(self.out), "--model", str(self.model)]
        return quietly(label.main, [*given, "--teacher", str(self.teacher), "--threads", "1", *more])

    def rows(self):
        with (self.out / "labels.csv").open(newline="") as lines:
            return {row["name"]: row for row in csv.DictReader(lines)}

    def test_masks_and_how_far_they_are_to_be_trusted(self):
        try:
            import onnxruntime  # noqa: F401
        except ImportError as missing:
            raise unittest.SkipTest(str(missing)) from missing
        self.save(3)
        Image.new("RGB", (80, 60), (121, 120, 119)).save(self.images / "grey.png")
        (self.images / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
        self.assertIn("broken.jpg", self.label("--limit", "2"))
        self.assertEqual(len(self.rows()), 2)
        first = (self.out / "grey.png").stat().st_mtime_ns
        self.assertIn("2 photos labelled", self.label())  # the rest
        self.assertIn("0 photos labelled", self.label())
        self.assertEqual((self.out / "grey.png").stat().st_mtime_ns, first)
        rows = self.rows()
        self.assertEqual(set(rows), {"p0", "p1", "p2", "grey"})
        for i in range(3):
            with Image.open(self.out / f"p{i}.png") as mask:
                self.assertGreater(validate.iou(np.asarray(mask) > 127, picture(i)[1]), 0.9)
            self.assertGreater(float(rows[f"p{i}"]["certainty"]), 0.93)
        self.assertLess(float(rows["grey"]["certainty"]), 0.1)
        found = data.read_folder(self.images, self.out, 1.0)
        self.assertEqual({e.name for e in found}, {"p0", "p1", "p2"})

    def test_masks_made_by_hand_are_not_replaced(self):
        self.save(1)
        before = (self.masks / "p0.png").read_bytes()
        teacher = label.read_teacher(self.teacher)
        with self.assertRaisesRegex(ValueError, "no teacher made"):
            label.label(self.images, self.masks, teacher, lambda x: x[:, :1])
        self.assertEqual((self.masks / "p0.png").read_bytes(), before)

    def test_a_line_that_was_not_finished_is_no_label(self):
        table = self.dir / "labels.csv"
        whole = 'name,teacher,certainty,inside,share\np0,"t, u",.9,.9,.2\n'
        for rest in ("", "p1", 'p1,"t', 'p1,"t, u",.9'):
            table.write_text(whole + rest)
            self.assertEqual(label.labelled(table), {"p0"}, rest)
            self.assertEqual(table.read_text(), whole, rest)

    def test_the_packages_pieces_are_put_together(self):
        dist = self.dir / "dist"
        dist.mkdir()
        for name, content in (("aa", b"first "), ("bb", b"second")):
            (dist / name).write_bytes(content)
        chunks = {"/models/medium": {"chunks": [{"hash": "aa"}, {"hash": "bb"}]}}
        (dist / "resources.json").write_text(json.dumps(chunks))
        self.assertEqual(label.read_model(self.dir), b"first second")

    def test_descriptions_are_checked(self):
        with self.assertRaisesRegex(ValueError, "order must be RGB or BGR, is CMYK"):
            label.Teacher("x", 64, "CMYK", 0, 1, "logits")
        isnet = label.read_teacher(label.HERE / "isnet.json")
        self.assertEqual(isnet.input(Image.new("RGB", (30, 20), (128, 0, 255))).shape, (1, 3, 1024, 1024))
        self.assertEqual(isnet.input(Image.new("RGB", (30, 20), (128, 0, 255)))[0, :, 5, 5].tolist(), [0, -0.5, 127 / 256])
        with self.assertRaisesRegex(ValueError, "one channel is needed"):
            isnet.mask(np.zeros((1, 2, 8, 8)), (4, 4))


if __name__ == "__main__":
    unittest.main()
