"""Trains the prior's network, or refines it, on folders of images and masks. See README.md.

Start it again with the same arguments and it goes on from its checkpoint.
"""

import argparse
import collections
import contextlib
import fcntl
import hashlib
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

import checkpoint
import curve
import data
import export
import hints
import model
import parallel
import validate
from augment import Batches
from loss import loss

WARM_UP = 200  # steps, or a fifth of a short run
MEETING = "meeting"  # file in which the processes of a run find one another
ENDING = (signal.SIGTERM, signal.SIGINT)  # signals after which a run saves its checkpoint and ends
RECENT = 500  # steps whose mean loss is told
LEAST_BATCH = 8  # samples of a process: batch norm wants some
HELD_OUT = 0.1  # share of the pictures
SHIPPED = Path(__file__).resolve().parent.parent / "imaging" / "engine" / "fast" / "network" / "net.json"


def arguments(argv=None):
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--images", nargs="+", required=True, metavar="DIR", help="folders of pictures")
    p.add_argument("--masks", nargs="+", required=True, metavar="DIR", help="for each, a folder of masks or cutouts with the same stems")
    p.add_argument("--weights", nargs="+", type=positive, metavar="W", help="for each, how often it is drawn from, per picture; default 1")
    p.add_argument("--backgrounds", nargs="+", metavar="DIR", help="pictures without a subject to composite on; default: those of --images, filled in")
    p.add_argument("--held-out", metavar="FILE", help="stems to validate on, one a line; default: a tenth, by a hash of the stems")
    p.add_argument("--valid", nargs=2, metavar=("IMAGES", "MASKS"), help="a second set to validate on; which network is the best is said by it then")
    p.add_argument("--out", required=True, type=Path, metavar="DIR", help="where net.json, the best network, checkpoint.pt and the curve go")
    p.add_argument("--init", default="shipped", metavar="START", help="imagenet, random, shipped or a NET.json; default %(default)s")
    p.add_argument("--samples", type=positive, metavar="K", help="thousands of samples to train on; may be raised when a run goes on; needed with --init imagenet and random, else 4")
    p.add_argument("--cooldown", type=share, default=0.4, help="share of the samples, the last ones, during which the learning rate falls; default %(default)s")
    p.add_argument("--batch", type=count, default=32, help="samples a step, of all processes together; default %(default)s")
    p.add_argument("--lr", type=positive, help="highest learning rate of the decoder; default 2e-3, with --init shipped or NET.json 1e-4")
    p.add_argument("--side", type=side, default=model.SIDE, help="of the network's input in px, a multiple of 32; may change when a run goes on; default %(default)s")
    p.add_argument("--train-side", type=side, help="of the samples in px; a little less than --side takes less time and does no harm; default: --side")
    p.add_argument("--no-hints", action="store_true", help="train without roi, strokes and answers so far")
    p.add_argument("--validate-every", type=positive, metavar="MIN", help="minutes between validations; default 30, when refining 1")
    p.add_argument("--save-every", type=positive, default=5, metavar="MIN", help="minutes between checkpoints; default %(default)s")
    p.add_argument("--seed", type=int, default=1, help="of everything that is drawn; default %(default)s")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="of PyTorch; here the default is %(default)s")
    p.add_argument("--bfloat16", action="store_true", help="multiply in bfloat16: faster on processors and GPUs that can")
    p.add_argument("--processes", type=count, help="that train together; default: one for each core, one on a GPU")
    args = p.parse_args(argv)
    args.train_side = args.train_side or args.side
    args.weights = args.weights or [1] * len(args.images)
    args.init = str(SHIPPED) if args.init == "shipped" else args.init
    args.coarser = args.init in ("imagenet", "random")  # an exported network has lost its coarser outputs
    refining = not args.coarser
    if not refining and not args.samples:
        p.error("--samples is needed")
    args.samples = args.samples or 4
    args.validate_every = args.validate_every or (1 if refining else 30)
    args.lr = args.lr or (1e-4 if refining else 2e-3)
    cores = len(os.sched_getaffinity(0)) if args.device == "cpu" else 1
    args.processes = args.processes or max(n for n in range(1, cores + 1) if args.batch % n == 0 and (n == 1 or args.batch // n >= LEAST_BATCH))
    if args.batch % args.processes:
        p.error(f"--batch {args.batch} cannot be shared by {args.processes} processes")
    if args.processes > 1 and args.device != "cpu":
        p.error(f"--processes must be 1 on {args.device}")
    return args


def positive(text):
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def share(text):
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not 0 to 1")
    return value


def count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def side(text):
    value = int(text)
    if value < 32 or value % 32:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of 32")
    return value


def learning_rate(highest, step, steps, cooldown):
    """Linear warm-up, a plateau, then half a cosine down to a hundredth over the last share of the run's steps.

    On the plateau nothing depends on where the end is, so a run can be made longer.
    """
    progress = step / steps
    late = max(0.0, 1 - (1 - progress) / cooldown) if cooldown else 0.0
    return highest * min(1, (step + 1) / min(WARM_UP, max(1, steps / 5))) * (0.5 * (1 + math.cos(math.pi * min(late, 1))) + 0.01)


class Sets:
    """The pictures of a run, read once."""

    def __init__(self, args):
        examples = data.read_folders(args.images, args.masks, args.weights)
        held_out = {line.strip() for line in Path(args.held_out).read_text().splitlines()} - {""} if args.held_out else set()
        self.training, self.held_out = data.split(examples, held_out, HELD_OUT)
        self.valid = data.read_folders([args.valid[0]], [args.valid[1]], [1]) if args.valid else []
        if args.backgrounds:
            self.backgrounds = [b for folder in args.backgrounds for b in data.read_backgrounds(folder)]
        else:
            self.backgrounds = data.own_backgrounds(self.training)


class Trainer:
    """One process of a run."""

    def __init__(self, rank, net, sets, args):
        self.rank, self.sets, self.args = rank, sets, args
        net = net.to(args.device, memory_format=torch.channels_last)
        self.state = checkpoint.State(net, 1.0 if args.init == "random" else checkpoint.TAUGHT_RATE)
        self.file = args.out / "checkpoint.pt"
        if self.file.exists():
            self.state.load(self.file)
        size = args.batch // args.processes
        self.batches = Batches(sets.training, sets.backgrounds, size, args.train_side, (args.seed, rank), not args.no_hints)
        self.stopping = False
        self.losses = collections.deque(maxlen=RECENT)
        self.began, self.before, self.measured = time.monotonic(), self.state.seconds, self.state.step
        self.saved = self.validated = self.began

    def say(self, text):
        if self.rank == 0:
            print(text, flush=True)

    def run(self):
        state, args = self.state, self.args
        if state.step == 0:
            self.validate()
        while state.samples < 1000 * args.samples:
            left = (1000 * args.samples - state.samples) / (self.batches.size * args.processes)
            state.set_rate(learning_rate(args.lr, state.step, state.step + left, args.cooldown))
            self.losses.append(self.train_step())
            state.seconds = self.before + time.monotonic() - self.began
            validate = self.due("validated", args.validate_every)
            validate, stop = parallel.agree([validate, self.stopping], args.processes)
            if validate:
                self.validate()
            if self.due("saved", args.save_every) or validate or stop:
                self.save()
            if stop:
                return
        if self.measured < state.step:
            self.validate()
            self.save()
        if self.rank == 0:
            self.say(f"{args.out / 'net.json'} is the best network. {verdict(state.first, state.best_each)}")

    def due(self, last, minutes):
        if time.monotonic() - getattr(self, last) < 60 * minutes:
            return False
        setattr(self, last, time.monotonic())
        return True

    def train_step(self):
        """One step of the optimizer and of the moving average; returns the loss."""
        state, args = self.state, self.args
        rng = np.random.default_rng((args.seed, self.rank, state.step, 1))
        torch.manual_seed(rng.integers(1 << 62))  # of dropout: a run that goes on drops what an unbroken one does
        batch = self.batches[state.step]
        inputs, masks = batch.inputs.to(args.device), batch.masks.to(args.device)
        state.net.train()
        hints.add(inputs, masks, batch.marked, state.net, rng)
        with torch.autocast(torch.device(args.device).type, dtype=torch.bfloat16, enabled=args.bfloat16):
            outputs = state.net(inputs.contiguous(memory_format=torch.channels_last))
        value = loss(outputs if args.coarser else outputs[:1], masks)
        state.optimizer.zero_grad(set_to_none=True)
        value.backward()
        parallel.mean_gradients(state.net, args.processes)
        torch.nn.utils.clip_grad_norm_(state.net.parameters(), 2, error_if_nonfinite=True)
        state.optimizer.step()
        state.step += 1
        state.samples += self.batches.size * args.processes
        state.update_average()
        return value.item()

    def save(self):
        if self.rank == 0:
            self.state.save(self.file)
            self.say(self.progress())

    def progress(self):
        s, total = self.state, 1000 * self.args.samples
        rate = s.samples / max(s.seconds, 1)
        left = max(0, total - s.samples) / max(rate, 1e-6) / 3600
        mean = np.mean(self.losses) if self.losses else math.nan
        return (
            f"{s.samples / 1000:.1f} of {self.args.samples:.0f} thousand samples, {s.seconds / 3600:.2f} h, {rate:.1f} a second, "
            f"{left:.1f} h left, loss {mean:.4f}, best IoU {s.best:.4f} at step {s.best_step}"
        )

    def validate(self):
        """Measures the average network, writes the curve, and exports the network if it is the best."""
        state, args = self.state, self.args
        self.measured = state.step
        parallel.same_statistics(state.average, args.processes)
        pairs = {name: self.score(examples) for name, examples in (("held_out", self.sets.held_out), ("valid", self.sets.valid))}
        if self.rank:
            return
        scores = {name: np.mean(p, axis=0) if p else (math.nan, math.nan) for name, p in pairs.items()}
        row = {
            "step": state.step, "samples": state.samples, "hours": state.seconds / 3600, "side": args.train_side,
            "rate": max(group["lr"] for group in state.optimizer.param_groups) if state.step else 0, "loss": np.mean(self.losses) if self.losses else math.nan,
        }  # fmt: skip
        for name, (free, roi) in scores.items():
            row |= {name: free, f"{name}_roi": roi}
        judged = [float(np.mean(pair)) for pair in pairs["valid" if args.valid else "held_out"]]
        state.first = state.first or judged
        better = np.mean(judged) > state.best
        if better:
            state.best, state.best_step, state.best_each = float(np.mean(judged)), state.step, judged
            export.write(self.copy_of_average(), args.side, args.out / "net.json")
        curve.add(args.out, row)
        said = ", ".join(f"{name} {free:.4f}, with a roi {roi:.4f}" for name, (free, roi) in scores.items() if pairs[name])
        self.say(f"step {state.step}: IoU {said}" + (", best so far" if better else ""))

    def copy_of_average(self):
        net = model.Net()
        net.load_state_dict(self.state.average.state_dict())
        return net

    def score(self, examples):
        """The IoU of each example, with nothing given and with a roi; each process measures its part. The first one gets all."""
        args = self.args
        mine = validate.ious(self.state.average, examples[self.rank :: args.processes], args.side)
        gathered = parallel.gather(mine, self.rank, args.processes)
        return [gathered[i % args.processes][i // args.processes] for i in range(len(examples))] if gathered else None


def verdict(first, best):
    """Says in a sentence whether a run helped, from the IoU of each picture before it and with the network that did best."""
    gain = np.array(best) - np.array(first)
    error = gain.std(ddof=1) / math.sqrt(len(gain)) if len(gain) > 1 else math.inf
    figures = f"IoU {np.mean(first):.4f} before, {np.mean(best):.4f} now, {gain.mean():+.4f} ± {error:.4f} on {len(gain)} pictures"
    if gain.mean() > 2 * error:
        return f"{figures}: it helped"
    return f"{figures}: no more than chance. Keep what you have, or try with more pictures."


def work(rank, net, sets, args):
    """What each process does."""
    trainer = None
    stopping = False

    def stop(*_):
        nonlocal stopping
        stopping = True
        if trainer:
            trainer.stopping = True

    for s in ENDING:
        signal.signal(s, stop)
    parallel.join(rank, args.processes, args.out / MEETING)
    trainer = Trainer(rank, net, sets, args)
    trainer.stopping = stopping
    trainer.run()


def work_together(net, sets, args):
    """Starts the processes and waits for them; what is sent to this one to end it is passed on."""
    meeting = args.out / MEETING
    meeting.unlink(missing_ok=True)  # of a run that was killed
    context = torch.multiprocessing.start_processes(work, (net, sets, args), args.processes, join=False, start_method="fork")

    def pass_on(number, _):
        for process in context.processes:
            if process.is_alive():
                os.kill(process.pid, number)

    for s in ENDING:
        signal.signal(s, pass_on)
    while not context.join():
        pass
    meeting.unlink(missing_ok=True)


def claim(out):
    """Makes the folder of a run and locks it until this process and all that it started have ended; returns the lock's file."""
    out.mkdir(parents=True, exist_ok=True)
    lock = (out / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise ValueError(f"another run writes to {out}, or one that was killed is about to end") from error
    return lock


def check_same_run(sets, args):
    """Raises ValueError if the checkpoint is of a run that began or is judged otherwise: the figures could not be compared."""
    file = args.out / "checkpoint.pt"
    judged = [e.name for e in sets.valid or sets.held_out]
    about = {"init": args.init, "judged": hashlib.sha256("\n".join(judged).encode()).hexdigest()}
    note = args.out / "run.json"
    if file.exists() and note.exists() and json.loads(note.read_text()) != about:
        raise ValueError(f"{args.out} holds a run with another start or other pictures to validate on: name another folder in --out")
    note.write_text(json.dumps(about))


def main(argv=None):
    args = arguments(argv)
    torch.manual_seed(args.seed)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(claim(args.out))
            net = checkpoint.start(args.init)
            sets = Sets(args)
            check_same_run(sets, args)
        except (OSError, ValueError) as error:
            raise SystemExit(str(error)) from error
        print(
            f"{len(sets.training)} pictures to train on, {len(sets.held_out)} and {len(sets.valid)} to validate on, "
            f"{len(sets.backgrounds)} backgrounds",
            flush=True,
        )
        if args.processes == 1:
            work(0, net, sets, args)
        else:
            work_together(net, sets, args)


if __name__ == "__main__":
    if any(os.environ.get(k) != v for k, v in parallel.setting().items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | parallel.setting())
    main()
