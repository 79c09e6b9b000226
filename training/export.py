"""Writes a network as the files that bgremove reads: NET.json, NET.f16, and the test vector NET.x.i8 and NET.z.f32.

NET.json lists the layers in order, the fields being those of imaging/net; NET.f16 holds the weights as little-endian float16, batch
norm folded in. NET.x.i8 is a random input in steps of 1/32, NET.z.f32 the output that PyTorch computes from it with the same float16
weights. Where Go is installed, its forward pass is compared with that. Training can go on from NET.json, so there is no other checkpoint to keep.
"""

import argparse
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

import data
import model

REPOSITORY = Path(__file__).resolve().parent.parent
STEPS = 32  # of the test vector's input to 1, so that a byte holds a number


class Exporter:
    """Collects layers and weights, in the order in which they are run."""

    def __init__(self):
        self.layers, self.parts, self.weights, self.size, self.tensors = [], [], [], 0, 0

    def push(self, values):
        """Appends numbers; returns where they start."""
        start = self.size
        self.weights.append(values.detach().float().numpy().ravel())
        self.size += values.numel()
        return start

    def new_tensor(self):
        self.tensors += 1
        return f"t{self.tensors}"

    def block(self, block, tensor, add=None):
        op = "dw" if block.conv.groups > 1 else "conv"
        most = 6 if block.relu else None
        return self.layer(op, block, block.conv, *block.folded(), most, tensor, add)

    def layer(self, op, part, conv, weight, bias, most, tensor, add=None):
        """most is the upper bound of what comes out; None stands for no activation, infinity for ReLU."""
        out = self.new_tensor()
        layer = {
            "op": op, "k": conv.kernel_size[0], "s": conv.stride[0], "cin": conv.in_channels, "cout": conv.out_channels,
            "relu": most is not None, "i": tensor, "o": out, "w": self.push(weight), "b": self.push(bias),
        }  # fmt: skip
        if most is not None and most < float("inf"):
            layer["most"] = most
        if add:
            layer["add"] = add
        self.layers.append(layer)
        self.parts.append(part)
        return out

    def chain(self, blocks, tensor, add=None):
        for i, block in enumerate(blocks):
            tensor = self.block(block, tensor, add if i == len(blocks) - 1 else None)
        return tensor

    def encoder(self, encoder):
        tensor, outputs = self.block(encoder.stem, "in"), []
        for stage in encoder.stages:
            for residual in stage:
                tensor = self.chain(residual.f, tensor, tensor if residual.residual else None)
            outputs.append(tensor)
        return outputs

    def doubling(self, doubling, coarse, fine):
        coarse, fine = self.block(doubling.coarse, coarse), self.block(doubling.fine, fine)
        tensor = self.new_tensor()
        self.layers.append({"op": "upadd", "i": coarse, "j": fine, "o": tensor})
        for separable in doubling.filters:
            tensor = self.chain(separable.f, tensor)
        return tensor

    def net(self, net, side):
        """All of it; returns the description."""
        outputs = self.encoder(net.encoder)
        everywhere = net.everywhere[0]
        y = self.layer("gp", everywhere, everywhere, everywhere.weight, everywhere.bias, float("inf"), outputs[-1])
        for doubling, i in zip(net.decoder, model.FINER[::-1]):
            y = self.doubling(doubling, y, outputs[i])
        out = self.layer("conv", net.out, net.out, net.out.weight, net.out.bias, None, y)
        return {
            "input": [model.CHANNELS, side, side], "output": out, "out_size": [side // 2, side // 2],
            "norm": "ch0-2 = (BGR-118)/64 squeezed to a square; ch3 roi, ch4 keep, ch5 drop: 1 inside, else 0; ch6 = the answer so far, -1 to 1, 0 for none",
            "nweights": self.size, "layers": self.layers,
        }  # fmt: skip


def fold(net, side):
    """Returns the description and the weights as float16. Raises ValueError where float16 cannot hold one."""
    exporter = Exporter()
    with torch.no_grad():
        description = exporter.net(net, side)
    weights = np.concatenate(exporter.weights)
    if not np.abs(weights).max() <= np.finfo(np.float16).max:
        raise ValueError(f"a weight of {weights[np.abs(weights).argmax()]}, float16 holds up to {np.finfo(np.float16).max}")
    return description, weights.astype("<f2")


def read(file, net):
    """Reads the files that export wrote into a network: the inverse, but for float16's rounding.

    Batch norm is folded in there: each has a mean of 0 and a variance of 1 then, and must stay frozen. The coarser heads are not in
    the files and stay as they are. Raises ValueError if the files are another network's.
    """
    description = json.loads(Path(file).read_text())
    numbers = np.fromfile(Path(file).with_suffix(".f16"), "<f2").astype(np.float32)
    exporter = Exporter()
    with torch.no_grad():
        expected = exporter.net(net, description["input"][1])
        layers = [layer for layer in description["layers"] if "w" in layer]
        if expected["layers"] != description["layers"] or len(numbers) != expected["nweights"]:
            raise ValueError(f"{file} is no network of model.py")
        for layer, part in zip(layers, exporter.parts):
            conv = part.conv if isinstance(part, model.Block) else part
            put(conv.weight, numbers[layer["w"] :])
            put(part.norm.bias if isinstance(part, model.Block) else part.bias, numbers[layer["b"] :])
            if isinstance(part, model.Block):
                part.norm.weight.fill_(1)
                part.norm.running_mean.fill_(0)
                part.norm.running_var.fill_(1 - part.norm.eps)


def put(parameter, numbers):
    parameter.copy_(torch.from_numpy(numbers[: parameter.numel()].reshape(parameter.shape)))


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
    return y.clamp(0, layer.get("most")) if layer["relu"] else y


def write(net, side, description_file):
    """Writes the four files; returns the largest difference that folding and float16 make to the test vector's output."""
    net = net.cpu().eval()
    description, weights = fold(net, side)
    x = test_vector(side)
    with torch.no_grad():
        z = forward(description, weights, torch.from_numpy(x)[None])
        exact = net(torch.from_numpy(x)[None])
    description_file.parent.mkdir(parents=True, exist_ok=True)
    for suffix, content in (  # what is complete replaces what was there, the description last
        (".f16", weights.tobytes()),
        (".x.i8", (x * STEPS).astype(np.int8).tobytes()),
        (".z.f32", z.numpy().astype("<f4").tobytes()),
        (".json", json.dumps(description).encode()),
    ):
        data.write_whole(description_file.with_suffix(suffix), content)
    return (z - exact).abs().max().item()


def test_vector(side):
    """A random input in STEPS to 1: noise for colours, blocks of 0 and 1 for the hints."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, STEPS, (model.CHANNELS, side, side))
    x = (noise.round().clip(-128, 127) / STEPS).astype(np.float32)
    blocks = rng.integers(0, 2, (model.CHANNELS - model.ROI, side // 16, side // 16))
    x[model.ROI :] = blocks.repeat(16, 1).repeat(16, 2)
    return x


def check(description_file):
    """Compares Go's forward pass with PyTorch's; raises CalledProcessError if they differ."""
    if not shutil.which("go"):
        print("go is not in the PATH: bgremove's own forward pass was not compared")
        return
    subprocess.run(["go", "run", "./tools/netcheck", str(description_file.resolve())], cwd=REPOSITORY, check=True)


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", help="checkpoint.pt of train.py, whose moving average is taken")
    p.add_argument("description", type=Path, metavar="NET.json", help="the other files go beside it")
    p.add_argument("--side", type=int, default=model.SIDE, help="of the input in px, a multiple of 32; default %(default)s")
    args = p.parse_args(argv)
    if args.description.suffix != ".json":
        p.error(f"{args.description} must end in .json")
    net = model.Net()
    net.load_state_dict(torch.load(args.checkpoint, map_location="cpu", weights_only=True)["average"])
    difference = write(net, args.side, args.description)
    print(f"wrote {args.description}; float16 changes the log-odds of the test vector by at most {difference:.4f}", flush=True)
    try:
        check(args.description)
    except subprocess.CalledProcessError as error:
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
