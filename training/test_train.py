"""Tests of train.py on generated pictures, processes and signals included: python3 -m unittest discover training"""

import contextlib
import io
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from pictures import InFolder, quietly

import numpy as np
import torch

import checkpoint
import curve
import export
import model
import train

HERE = Path(__file__).resolve().parent


class InRun(InFolder):
    def arguments(self, *more, init="random", samples=".016"):
        given = ["--images", str(self.images), "--masks", str(self.masks), "--out", str(self.dir / "run")]
        return [*given, "--init", init, "--samples", samples, "--batch", "4", "--side", "64", "--processes", "1", "--device", "cpu", *more]

    def state(self):
        return torch.load(self.dir / "run" / "checkpoint.pt", weights_only=True)

    def start(self, *arguments):
        command = [sys.executable, str(HERE / "train.py"), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class TestRun(InRun):
    def test_smoke(self):
        """A hundred steps from random weights tell discs from gradients; Go computes what PyTorch does."""
        self.save(24)
        said = quietly(train.main, self.arguments("--batch", "8", "--lr", "5e-3", samples=".8"))
        rows = curve.read(self.dir / "run")
        self.assertEqual((rows[0]["step"], rows[-1]["step"]), (0, 100), said)
        self.assertGreater(rows[-1]["held_out_roi"], 0.6, said)
        self.assertIn("it helped", said)
        description = self.dir / "run" / "net.json"
        if shutil.which("go"):
            export.check(description)
        again = quietly(export.main, [str(self.dir / "run" / "checkpoint.pt"), str(self.dir / "again.json"), "--side", "64"])
        self.assertIn("float16 changes", again)

    def test_a_run_that_goes_on_ends_where_an_unbroken_one_does(self):
        self.save(6)
        for samples in (".004", ".008", ".016"):
            quietly(train.main, self.arguments("--cooldown", "0", samples=samples))
        broken = self.state()["average"]
        shutil.rmtree(self.dir / "run")
        quietly(train.main, self.arguments("--cooldown", "0"))
        for name, value in self.state()["average"].items():
            self.assertTrue(torch.equal(value, broken[name]), name)

    def test_refining_starts_from_an_exported_network_and_says_whether_it_helped(self):
        self.save(6)
        torch.manual_seed(1)
        export.write(model.Net(), 64, self.dir / "start.json")
        said = quietly(train.main, self.arguments(init=str(self.dir / "start.json")))
        self.assertIn("no more than chance", said)
        self.assertTrue((self.dir / "run" / "net.json").exists())

    def test_a_folder_belongs_to_one_run(self):
        self.save(6)
        quietly(train.main, self.arguments(samples=".004"))
        torch.manual_seed(1)
        export.write(model.Net(), 64, self.dir / "start.json")
        with self.assertRaisesRegex(SystemExit, "another start"):
            train.main(self.arguments(init=str(self.dir / "start.json")))
        self.save(40)
        with self.assertRaisesRegex(SystemExit, "other pictures to validate on"):
            train.main(self.arguments())
        with train.claim(self.dir / "run"), self.assertRaisesRegex(SystemExit, "another run writes to"):
            train.main(self.arguments())

    def test_batches_are_shared_evenly(self):
        args = train.arguments([*self.arguments("--batch", "32")[:-4], "--device", "cpu"])
        self.assertEqual(32 % args.processes, 0)
        with contextlib.redirect_stderr(io.StringIO()) as said, self.assertRaises(SystemExit):
            train.arguments(self.arguments("--processes", "3"))
        self.assertIn("--batch 4 cannot be shared by 3 processes", said.getvalue())

    def test_empty_folders_end_it(self):
        with self.assertRaisesRegex(SystemExit, "no picture of"):
            train.main(self.arguments())


class TestProcesses(InRun):
    def test_two_processes_have_one_network(self):
        self.save(6)
        more = "--processes", "2", "--validate-every", ".00001"  # after every step, the last one too
        said, _ = (run := self.start(*self.arguments(*more))).communicate(timeout=300)
        self.assertEqual(run.returncode, 0, said)
        self.assertEqual([r["step"] for r in curve.read(self.dir / "run")], [0, 1, 2, 3, 4])
        self.assertEqual((self.state()["step"], self.state()["samples"]), (4, 16), said)
        self.assertIn("best network", said)

    def test_two_processes_end_when_they_are_asked_to(self):
        self.save(6)
        run = self.start(*self.arguments("--processes", "2", samples="1000"))
        for line in run.stdout:
            if line.startswith("step 0"):
                break
        run.send_signal(signal.SIGTERM)
        said, _ = run.communicate(timeout=300)
        self.assertEqual(run.returncode, 0, said)
        self.assertGreaterEqual(self.state()["step"], 1)

    def test_killed_it_goes_on_from_its_checkpoint(self):
        """A run that is killed without warning loses what came after its checkpoint, and nothing else."""
        self.save(6)
        arguments = self.arguments("--save-every", ".001", samples="1000")
        run = self.start(*arguments)
        for line in run.stdout:
            if line.startswith("0.0 of 1000"):
                break
        run.kill()
        run.communicate()
        step = self.state()["step"]
        self.assertGreater(step, 0)
        run = self.start(*arguments)
        for line in run.stdout:
            if "of 1000 thousand" in line:
                break
        run.send_signal(signal.SIGTERM)
        said, _ = run.communicate(timeout=300)
        self.assertEqual(run.returncode, 0, said)
        self.assertGreater(self.state()["step"], step)
        self.assertEqual([r["step"] for r in curve.read(self.dir / "run")], [0], "it did not begin again")


class TestSchedule(unittest.TestCase):
    def test_learning_rate(self):
        self.assertAlmostEqual(train.learning_rate(1, 0, 10000, 0.4), 1.01 / train.WARM_UP)
        self.assertAlmostEqual(train.learning_rate(1, 6000, 10000, 0.4), 1.01)
        self.assertAlmostEqual(train.learning_rate(1, 8000, 10000, 0.4), 0.51)
        self.assertAlmostEqual(train.learning_rate(1, 10000, 10000, 0.4), 0.01)
        self.assertAlmostEqual(train.learning_rate(1, 9900, 10000, 0), 1.01)
        self.assertAlmostEqual(train.learning_rate(1, 0, 100, 0), 1.01 / 20, msg="a short run warms up in a fifth of it")

    def test_the_encoder_learns_at_a_tenth(self):
        net = model.Net()
        state = checkpoint.State(net, 0.1)
        state.set_rate(1)
        rates = {id(p): g["lr"] for g in state.optimizer.param_groups for p in g["params"]}
        self.assertEqual(rates[id(net.encoder.stem.conv.weight)], 0.1)
        self.assertEqual(rates[id(net.out.weight)], 1)
        self.assertEqual(len(rates), len(list(net.parameters())))

    def test_verdict(self):
        rng = np.random.default_rng(0)
        first = rng.uniform(0.5, 0.9, 50)
        self.assertIn("it helped", train.verdict(first, first + rng.uniform(0, 0.1, 50)))
        self.assertIn("no more than chance", train.verdict(first, first + rng.normal(0, 0.1, 50)))
        self.assertIn("no more than chance", train.verdict([0.5], [0.9]))


if __name__ == "__main__":
    unittest.main()
