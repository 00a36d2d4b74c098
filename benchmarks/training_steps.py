"""What a step of training takes: as TensorFlow does it, with freed memory kept, and with oneDNN's convolutions besides.

Command: python -m benchmarks.training_steps chest_xray_staged --data ../shared/data/chest-xray
Runtime: a quarter of an hour on two cores; the first run of all reads the films.
Result: the paragraph "Speed" of docs/training.md. The seed of the experiment.

One epoch of so many steps, in a process of its own each time, and the ways in turn. A step is all that training does
for it: pictures are drawn, changed and learnt. The first few are left out, since the network is traced in them.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from radiolens.cli.collection import open_collection
from radiolens.training.checkpoints import read_log
from radiolens.training.configs import load_experiment
from radiolens.training.process import keep_freed_memory
from radiolens.training.train import Watcher, train

__all__ = ["Steps"]

FIRST = 5  # steps that are not counted
WAYS = ("as it comes", "memory kept", "and oneDNN")


class Steps:
    """Takes the time of the steps of an epoch: a watcher's `progress`."""

    def __init__(self) -> None:
        self._started, self._last, self._steps = 0.0, 0.0, 0

    def progress(self, stage: str, done: int, total: int) -> None:
        """Note when a step was done; what is no step of an epoch is passed over."""
        if not stage.startswith("epoch"):
            return
        self._last, self._steps = time.perf_counter(), done - FIRST
        if done == FIRST:
            self._started = self._last

    @property
    def seconds(self) -> float:
        """How long a step took in the mean."""
        return (self._last - self._started) / self._steps


def _run(name: str, data: Path, runs: Path, steps: int) -> str:
    """Train for an epoch of so many steps and return what it took, and the loss."""
    experiment = load_experiment(name)
    short = replace(experiment, base=None, epochs=1, images_per_epoch=(FIRST + steps) * experiment.batch_size)
    timed = Steps()
    with tempfile.TemporaryDirectory(dir=runs) as folder:
        run = Path(folder) / "run"
        train(short, open_collection(data, short.task), run, runs / "cache", Watcher(timed.progress))
        loss = read_log(run)[-1].loss
    used = resource.getrusage(resource.RUSAGE_SELF)
    return f"{timed.seconds:.2f} s a step, {used.ru_maxrss / 1024**2:.1f} GB at most, loss {loss!r}"


def main() -> None:
    """Print a line for each run, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="Where the films that were read are kept.")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help="One run only, in this process.")
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    if asked.way:
        if asked.way != WAYS[0] and not keep_freed_memory():
            sys.exit("The C library of this machine is not the GNU one, so nothing can be kept.")
        print(_run(asked.experiment, asked.data, asked.runs, asked.steps))
        return
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(asked.rounds):
        for way in WAYS:
            command = [sys.executable, "-m", "benchmarks.training_steps", *sys.argv[1:], "--way", way]
            chosen = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "1" if way == WAYS[2] else "0"}
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=chosen).stdout.strip()  # noqa: S603  this script
            print(f"{way}: {said}", flush=True)
            took[way].append(float(said.split()[0]))
    for way, seconds in took.items():
        print(f"{way}: median of {len(seconds)} runs {statistics.median(seconds):.2f} s a step")


if __name__ == "__main__":
    main()
