"""Trains the prior's network from random weights, or refines one, on folders of images and masks. See README.md."""

import argparse
import copy
import itertools
import math
import os
import time
from pathlib import Path

import torch
from torch.nn import functional as F

import data
import model
from augment import Batches
from validate import mean_iou

WARM_UP = 150  # steps
HELD_OUT = 0.1  # share of the pictures
SHIPPED = Path(__file__).with_name("net.pt")


def arguments(argv=None):
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--images", nargs="+", required=True, metavar="DIR", help="folders of pictures")
    p.add_argument("--masks", nargs="+", required=True, metavar="DIR", help="for each, a folder of masks or cutouts with the same stems")
    p.add_argument("--weights", nargs="+", type=positive, metavar="W", help="for each, how often its pictures are drawn; default 1")
    p.add_argument("--backgrounds", metavar="DIR", help="pictures without a subject to composite on; default: those of --images, filled in")
    p.add_argument("--held-out", metavar="FILE", help="stems to validate on, one a line; default: a tenth, by a hash of the stems")
    p.add_argument("--init", metavar="FILE", help="checkpoint to refine, auto is the shipped network's; default: random weights")
    p.add_argument("--out", required=True, metavar="DIR", help="where net.pt, the best network, and resume.pt go")
    p.add_argument("--resume", action="store_true", help="go on from resume.pt in --out; the other arguments must be as before")
    length = p.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=positive, help="train that long")
    length.add_argument("--epochs", type=positive, help="train on as many pictures as this many times all")
    p.add_argument("--batch", type=count, default=32, help="pictures a step; default %(default)s")
    p.add_argument("--lr", type=positive, help="highest learning rate; default 2.5e-3, with --init 3e-4")
    p.add_argument("--validate-every", type=count, default=200, metavar="STEPS", help="steps between validations; default %(default)s")
    p.add_argument("--seed", type=int, default=1, help="of everything that is drawn; default %(default)s")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="of PyTorch; here the default is %(default)s")
    p.add_argument("--bfloat16", action="store_true", help="multiply in bfloat16: faster on processors and GPUs that can")
    p.add_argument("--threads", type=count, help="of PyTorch; default: its own choice")
    p.add_argument("--workers", type=int, default=1, help="processes that make batches, 0 for none of their own; default %(default)s")
    return p.parse_args(argv)


def positive(text):
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


class Run:
    """The state of a training run: all that resume.pt holds."""

    def __init__(self, args):
        torch.manual_seed(args.seed)
        start = SHIPPED if args.init == "auto" else args.init
        self.net = model.load(start) if start else model.Net()
        self.net = self.net.to(args.device, memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.net).eval()
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 2e-2}, {"params": others, "weight_decay": 0}]
        self.optimizer = torch.optim.AdamW(groups)
        self.step, self.seconds = 0, 0.0
        self.best, self.best_step = -1.0, 0  # the highest validation IoU, the mean of both, and when; even 0 is higher at first

    def save(self, path):
        write(path, {
            "net": self.net.state_dict(), "ema": self.ema.state_dict(), "optimizer": self.optimizer.state_dict(),
            "step": self.step, "seconds": self.seconds, "best": self.best, "best_step": self.best_step,
        })  # fmt: skip

    def load(self, path, device):
        state = torch.load(path, map_location=device, weights_only=False)  # as pickle: it is this script's own file
        for part in ("net", "ema", "optimizer"):
            getattr(self, part).load_state_dict(state[part])
        for number in ("step", "seconds", "best", "best_step"):
            setattr(self, number, state[number])


def write(path, value):
    """Replaces a file only once the new one is whole."""
    torch.save(value, f"{path}.part")
    os.replace(f"{path}.part", path)


def learning_rate(highest, step, progress):
    """Linear warm-up, then a half cosine down to a hundredth; progress is the share of the run that is over."""
    return highest * min(1, (step + 1) / WARM_UP) * (0.5 * (1 + math.cos(math.pi * min(progress, 1))) + 0.01)


def loss(outputs, masks):
    """Binary cross entropy and half the soft IoU's complement, of the output and, at 0.3, of both auxiliary outputs.

    masks are n×1×SIDE×SIDE, 0–1; each output is compared with their means over its pixels.
    """
    total = 0.0
    for z, weight in zip(outputs, (1, 0.3, 0.3)):
        z = z.float()
        truth = F.avg_pool2d(masks, masks.shape[-1] // z.shape[-1])
        p = torch.sigmoid(z)
        both = (p * truth).sum((1, 2, 3))
        either = (p + truth - p * truth).sum((1, 2, 3))
        total = total + weight * (F.binary_cross_entropy_with_logits(z, truth) + 0.5 * (1 - both / (either + 1)).mean())
    return total


def train_step(run, inputs, masks, args):
    """One step of the optimizer and of the moving average; returns the loss."""
    torch.manual_seed(args.seed + run.step)  # of dropout: a resumed run drops what an unbroken one does
    run.net.train()
    inputs = inputs.to(args.device, memory_format=torch.channels_last)
    with torch.autocast(torch.device(args.device).type, dtype=torch.bfloat16, enabled=args.bfloat16):
        outputs = run.net(inputs)
    value = loss(outputs, masks.to(args.device))
    run.optimizer.zero_grad()
    value.backward()
    torch.nn.utils.clip_grad_norm_(run.net.parameters(), 2)
    run.optimizer.step()
    run.step += 1
    average(run.ema, run.net, min(0.998, run.step / (run.step + 49)))
    return value.item()


def average(ema, net, decay):
    """Moves the exponential moving average, batch norm's statistics included."""
    with torch.no_grad():
        for mean, now in zip(ema.state_dict().values(), net.state_dict().values()):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)


def validate(run, validation, out, args, note):
    """Measures the average network, prints a line, keeps the network if it is the best, and what is needed to resume."""
    free, roi = mean_iou(run.ema, validation, args.device)
    if (free + roi) / 2 > run.best:
        run.best, run.best_step = (free + roi) / 2, run.step
        write(out / "net.pt", {k: v.cpu() for k, v in run.ema.state_dict().items()})
        note += ", best so far"
    run.save(out / "resume.pt")
    print(f"{run.seconds:6.0f} s, step {run.step}: validation IoU {free:.4f}, with a roi {roi:.4f}{note}", flush=True)


def train(run, training, validation, backgrounds, out, args):
    total = math.ceil(args.epochs * len(training) / args.batch) if args.epochs else math.inf
    highest = args.lr or (3e-4 if args.init else 2.5e-3)
    batches = torch.utils.data.DataLoader(
        Batches(training, backgrounds, args.batch, args.seed),
        batch_size=None, sampler=itertools.count(run.step), num_workers=args.workers,
    )  # fmt: skip
    before, began, losses = run.seconds, time.monotonic(), []
    for inputs, masks in batches:
        progress = run.step / total if args.epochs else run.seconds / (60 * args.minutes)
        if progress >= 1:
            break
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(highest, run.step, progress)
        losses.append(train_step(run, inputs, masks, args))
        run.seconds = before + time.monotonic() - began
        if run.step % args.validate_every == 0:
            validate(run, validation, out, args, f", loss {sum(losses) / len(losses):.4f}")
            losses = []
    if losses:
        validate(run, validation, out, args, f", loss {sum(losses) / len(losses):.4f}")


def main(argv=None):
    args = arguments(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    out = Path(args.out)
    resume = out / "resume.pt"
    if resume.exists() != args.resume:
        raise SystemExit(f"{resume} is there: --resume goes on with it" if resume.exists() else f"nothing to resume: no {resume}")
    try:
        examples = data.read_folders(args.images, args.masks, args.weights or [1] * len(args.images))
        held_out = set(Path(args.held_out).read_text().split("\n")) - {""} if args.held_out else set()
        training, validation = data.split(examples, held_out, HELD_OUT)
        backgrounds = data.read_backgrounds(args.backgrounds) if args.backgrounds else data.own_backgrounds(training)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    out.mkdir(parents=True, exist_ok=True)
    print(f"{len(training)} pictures to train on, {len(validation)} to validate on, {len(backgrounds)} backgrounds", flush=True)
    run = Run(args)
    if args.resume:
        run.load(resume, args.device)
    else:
        validate(run, validation, out, args, ", before training")
    train(run, training, validation, backgrounds, out, args)
    if run.best_step == 0:
        print(f"no step was better than the start: {out / 'net.pt'} is the network that training began with")
    else:
        print(f"{out / 'net.pt'} is the best, of step {run.best_step}")


if __name__ == "__main__":
    main()
