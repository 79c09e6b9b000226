"""The state of a training run: what a killed one goes on from."""

import copy
import os

import torch

import export
import model

TAUGHT_RATE = 0.1  # learning rate of an encoder that knows its trade, as a share of the decoder's
WEIGHT_DECAY = 2e-2
PARTS = ("net", "average", "optimizer")
NUMBERS = ("step", "samples", "seconds", "best", "best_step", "first", "best_each")


class State:
    """The network, its moving average, the optimizer, and how far the run is."""

    def __init__(self, net, encoder_rate):
        self.net = net
        self.average = copy.deepcopy(net).eval()
        self.optimizer = torch.optim.AdamW(parameter_groups(net, encoder_rate))
        self.step, self.samples, self.seconds = 0, 0, 0.0
        self.best, self.best_step = -1.0, 0  # the highest validation IoU and when
        self.first, self.best_each = [], []  # the IoU of each picture, before training and then

    def save(self, file):
        parts = {part: getattr(self, part).state_dict() for part in PARTS}
        write(file, parts | {number: getattr(self, number) for number in NUMBERS})

    def load(self, file):
        state = torch.load(file, map_location="cpu", weights_only=True)
        for part in PARTS:
            getattr(self, part).load_state_dict(state[part])
        for number in NUMBERS:
            setattr(self, number, state[number])

    def set_rate(self, highest):
        for group in self.optimizer.param_groups:
            group["lr"] = highest * group["rate"]

    def update_average(self):
        """Moves the exponential moving average; batch norm's statistics are part of it."""
        decay = min(0.998, self.step / (self.step + 49))
        with torch.no_grad():
            for mean, now in zip(self.average.state_dict().values(), self.net.state_dict().values()):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - decay)
                else:
                    mean.copy_(now)


def parameter_groups(net, encoder_rate):
    """Splits the parameters by learning rate, that of the encoder being encoder_rate of the decoder's. Kernels alone decay."""
    encoder = {id(p) for p in net.encoder.parameters()}
    groups = {}
    for p in net.parameters():
        rate = encoder_rate if id(p) in encoder else 1.0
        decay = WEIGHT_DECAY if p.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(p)
    return [{"params": p, "rate": rate, "weight_decay": decay} for (rate, decay), p in groups.items()]


def start(init):
    """Makes the network that a run begins with: imagenet, random, or the files of an exported network (NET.json)."""
    net = model.Net()
    if init == "imagenet":
        model.pretrained_encoder(net)
        model.freeze(net.encoder)
    elif init != "random":
        export.read(init, net)
        model.freeze(net)
    return net


def write(file, value):
    """Replaces a file only once the new one is whole."""
    torch.save(value, f"{file}.part")
    os.replace(f"{file}.part", file)
