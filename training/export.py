"""Writes a checkpoint as the files that bgremove reads: NET.json, NET.f16, and the test vector NET.x.f32 and NET.z.f32.

NET.json lists the layers in order, the fields being those of imaging/net; NET.f16 holds the weights as little-endian float16, batch
norm folded in. NET.x.f32 is a random 4×160×160 input, NET.z.f32 the 80×80 output that PyTorch computes from the same float16
weights. Where Go is installed, its forward pass is compared with that.
"""

import argparse
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

import model

REPOSITORY = Path(__file__).resolve().parent.parent


class Exporter:
    """Collects layers and weights, in the order in which they are run."""

    def __init__(self):
        self.layers, self.weights, self.size, self.tensors = [], [], 0, 0

    def push(self, values):
        """Appends numbers; returns where they start."""
        start = self.size
        self.weights.append(values.numpy().ravel())
        self.size += values.numel()
        return start

    def new_tensor(self):
        self.tensors += 1
        return f"t{self.tensors}"

    def conv(self, block, tensor, add=None):
        """A convolution with its batch norm: γ/√(σ²+ε) scales the weights, what is left is the bias."""
        weight, norm = block[0].weight.detach().double(), block[1]
        scale = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
        bias = norm.bias.detach().double() - norm.running_mean.double() * scale
        op = "dw" if block[0].groups > 1 else "conv"
        return self.layer(op, block[0], weight * scale[:, None, None, None], bias, len(block) > 2, tensor, add)

    def plain(self, op, conv, relu, tensor):
        """A convolution without batch norm."""
        return self.layer(op, conv, conv.weight.detach(), conv.bias.detach(), relu, tensor)

    def layer(self, op, conv, weight, bias, relu, tensor, add=None):
        out = self.new_tensor()
        layer = {
            "op": op, "k": conv.kernel_size[0], "s": conv.stride[0], "cin": conv.in_channels, "cout": conv.out_channels,
            "relu": relu, "i": tensor, "o": out, "w": self.push(weight.float()), "b": self.push(bias.float()),
        }  # fmt: skip
        if add:
            layer["add"] = add
        self.layers.append(layer)
        return out

    def chain(self, blocks, tensor, add=None):
        for i, block in enumerate(blocks):
            tensor = self.conv(block, tensor, add if i == len(blocks) - 1 else None)
        return tensor

    def stage(self, blocks, tensor):
        for block in blocks:
            tensor = self.chain(block.f, tensor, tensor if getattr(block, "residual", False) else None)
        return tensor

    def decode(self, coarse, upper, lateral, fine, after):
        """Doubles the coarse tensor, adds the encoder's fine one and filters."""
        coarse, fine = self.conv(upper, coarse), self.conv(lateral, fine)
        out = self.new_tensor()
        self.layers.append({"op": "upadd", "i": coarse, "j": fine, "o": out})
        return self.chain(after.f, out)

    def net(self, net):
        """All of it; returns the description."""
        x1 = self.stage(net.e1, self.conv(net.stem, "in"))
        x2 = self.stage(net.e2, x1)
        x3 = self.stage(net.e3, x2)
        x4 = self.stage(net.e4, x3)
        x5 = self.plain("gp", net.gp[0], True, self.stage(net.e5, x4))
        y = self.decode(x5, net.l5, net.l4, x4, net.d4)
        y = self.decode(y, net.u4, net.l3, x3, net.d3)
        y = self.decode(y, net.u3, net.l2, x2, net.d2)
        y = self.decode(y, net.u2, net.l1, x1, net.d1)
        out = self.plain("conv", net.out, False, y)
        return {
            "input": [4, model.SIDE, model.SIDE],
            "norm": "ch0-2 = (BGR-118)/64 squash-resized to SxS (area); ch3 = 0 for auto, 1 inside rect for rect mode",
            "output": out, "out_size": [model.SIDE // 2, model.SIDE // 2], "nweights": self.size, "layers": self.layers,
        }  # fmt: skip


def fold(net):
    """Returns the description and the weights as float16. Raises ValueError where float16 cannot hold one."""
    exporter = Exporter()
    description = exporter.net(net)
    weights = np.concatenate(exporter.weights)
    if not np.abs(weights).max() <= np.finfo(np.float16).max:
        raise ValueError(f"a weight of {weights[np.abs(weights).argmax()]}, float16 holds up to {np.finfo(np.float16).max}")
    return description, weights.astype("<f2")


def forward(description, weights, x):
    """Runs a description, as imaging/net does, on 1×c×h×w."""
    numbers = torch.from_numpy(weights.astype(np.float32))
    tensors = {"in": x}
    for layer in description["layers"]:
        tensors[layer["o"]] = forward_layer(layer, numbers, tensors)
    return tensors[description["output"]]


def forward_layer(layer, numbers, tensors):
    x = tensors[layer["i"]]
    if layer["op"] == "upadd":
        return model.double(x) + tensors[layer["j"]]
    groups = layer["cin"] if layer["op"] == "dw" else 1
    k = layer["k"]
    shape = layer["cout"], layer["cin"] // groups, k, k
    weight = numbers[layer["w"] :][: np.prod(shape)].reshape(shape)
    bias = numbers[layer["b"] :][: layer["cout"]]
    if layer["op"] == "gp":
        return x + F.relu(F.conv2d(x.mean((2, 3), keepdim=True), weight, bias))
    y = F.conv2d(x, weight, bias, layer["s"], k // 2, groups=groups)
    if "add" in layer:
        y = y + tensors[layer["add"]]
    return F.relu(y) if layer["relu"] else y


def export(checkpoint, description_file):
    """Writes the four files; returns the largest difference that folding and float16 make to the test vector's output."""
    net = model.load(checkpoint)
    description, weights = fold(net)
    x = np.random.default_rng(0).normal(0, 1, (4, model.SIDE, model.SIDE)).astype(np.float32)
    with torch.no_grad():
        z = forward(description, weights, torch.from_numpy(x)[None])
        exact = net(torch.from_numpy(x)[None])
    description_file.parent.mkdir(parents=True, exist_ok=True)
    description_file.write_text(json.dumps(description))
    weights.tofile(description_file.with_suffix(".f16"))
    x.astype("<f4").tofile(description_file.with_suffix(".x.f32"))
    z.numpy().astype("<f4").tofile(description_file.with_suffix(".z.f32"))
    return (z - exact).abs().max().item()


def check(description_file):
    """Compares Go's forward pass with PyTorch's; raises CalledProcessError if they differ."""
    if not shutil.which("go"):
        print("go is not in the PATH: bgremove's own forward pass was not compared")
        return
    subprocess.run(["go", "run", "./imaging/net/check", str(description_file.resolve())], cwd=REPOSITORY, check=True)


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", help="net.pt of train.py")
    p.add_argument("description", type=Path, metavar="NET.json", help="the other files go beside it")
    args = p.parse_args(argv)
    if args.description.suffix != ".json":
        p.error(f"{args.description} must end in .json")
    difference = export(args.checkpoint, args.description)
    print(f"wrote {args.description}; float16 changes the log-odds of the test vector by at most {difference:.4f}", flush=True)
    try:
        check(args.description)
    except subprocess.CalledProcessError as error:
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
