"""The prior's network: a small U-Net that estimates where the foreground is.

Every convolution but the heads is followed by batch norm, so that export.py can fold it, and every layer is one that
imaging/net runs: 1×1 and 3×3 convolutions, depthwise 3×3, a global mean, bilinear doubling. The attributes' names are the keys
of the checkpoints.
"""

import torch
from torch import nn
from torch.nn import functional as F

SIDE = 160  # px of the input's sides; the output's are half


def conv(cin, cout, kernel=3, stride=1, groups=1, relu=True):
    """Convolution, batch norm and, if asked for, ReLU."""
    layers = [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Separable(nn.Module):
    """A depthwise and a pointwise convolution (MobileNet, arXiv:1704.04861)."""

    def __init__(self, cin, cout):
        super().__init__()
        self.f = nn.Sequential(conv(cin, cin, groups=cin), conv(cin, cout, 1))

    def forward(self, x):
        return self.f(x)


class InvertedResidual(nn.Module):
    """Widen, filter depthwise, narrow without ReLU; added to the input where shapes allow (MobileNetV2, arXiv:1801.04381)."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        wide = 3 * cin
        self.residual = stride == 1 and cin == cout
        self.f = nn.Sequential(
            conv(cin, wide, 1), conv(wide, wide, stride=stride, groups=wide), conv(wide, cout, 1, relu=False)
        )

    def forward(self, x):
        return x + self.f(x) if self.residual else self.f(x)


def stage(cin, cout, blocks):
    """Halves the resolution once, then keeps it."""
    first = InvertedResidual(cin, cout, 2)
    return nn.Sequential(first, *(InvertedResidual(cout, cout, 1) for _ in range(blocks - 1)))


def double(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Net(nn.Module):
    """n×4×160×160 → n×1×80×80 log-odds of foreground.

    Channels 0–2 are (BGR − 118)/64 of the picture squeezed to a square, channel 3 is 1 inside the caller's roi and 0 elsewhere,
    or all 0 where none was given. In training mode forward returns two coarser estimates beside it: n×1×10×10 and n×1×20×20.
    """

    def __init__(self):
        super().__init__()
        self.stem = conv(4, 16, stride=2)  # 80 px
        self.e1 = nn.Sequential(Separable(16, 16))
        self.e2 = stage(16, 24, 2)  # 40
        self.e3 = stage(24, 40, 3)  # 20
        self.e4 = stage(40, 80, 4)  # 10
        self.e5 = stage(80, 128, 3)  # 5
        self.gp = nn.Sequential(nn.Conv2d(128, 128, 1), nn.ReLU(inplace=True))
        self.drop = nn.Dropout2d(0.1)
        self.l5, self.l4, self.d4 = conv(128, 64, 1), conv(80, 64, 1), Separable(64, 64)
        self.u4, self.l3, self.d3 = conv(64, 40, 1), conv(40, 40, 1), Separable(40, 40)
        self.u3, self.l2, self.d2 = conv(40, 24, 1), conv(24, 24, 1), Separable(24, 24)
        self.u2, self.l1, self.d1 = conv(24, 16, 1), conv(16, 16, 1), Separable(16, 16)
        self.out = nn.Conv2d(16, 1, 1)
        self.aux, self.aux3 = nn.Conv2d(64, 1, 1), nn.Conv2d(40, 1, 1)

    def forward(self, x):
        x1 = self.e1(self.stem(x))
        x2 = self.e2(x1)
        x3 = self.e3(x2)
        x4 = self.e4(x3)
        x5 = self.e5(x4)
        x5 = self.drop(x5 + self.gp(x5.mean((2, 3), keepdim=True)))
        y4 = self.d4(double(self.l5(x5)) + self.l4(x4))
        y3 = self.d3(double(self.u4(y4)) + self.l3(x3))
        y2 = self.d2(double(self.u3(y3)) + self.l2(x2))
        y1 = self.d1(double(self.u2(y2)) + self.l1(x1))
        z = self.out(y1)
        return (z, self.aux(y4), self.aux3(y3)) if self.training else z


def load(path):
    """Reads a checkpoint, a state dict of Net, onto the CPU. The Net is in evaluation mode."""
    net = Net()
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return net.eval()
