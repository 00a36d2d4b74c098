"""A worker on trials that cost nothing: python -m tests.training.trial_worker URL FOLDER WANTED.

It adds a line `PLACE PID` to FOLDER/ran for each trial that it ends. With GATE=N in the environment it begins when N
processes are there.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import optuna

from radiolens.training.tuning.study_storage import open_storage
from radiolens.training.tuning.trials import Plan, places, run_next, worker

__all__ = ["main"]


def objective(trial: optuna.Trial, place: int) -> float:
    x = trial.suggest_float("x", 0.0, 1.0)
    trial.report(x, 0)
    time.sleep(0.02)
    return x


def main(url: str, folder: Path, wanted: int, gate: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    here = folder / "here"
    here.mkdir(parents=True, exist_ok=True)
    (here / str(os.getpid())).touch()
    while len(list(here.iterdir())) < gate:
        time.sleep(0.01)
    plan = Plan(wanted, {}, lambda place: optuna.samplers.RandomSampler(seed=place), objective)
    with open_storage(url) as storage, worker(folder) as own:
        study = optuna.create_study(storage=storage.trials, study_name="stress", load_if_exists=True)
        while sum(place.over for place in places(study).values()) < wanted:
            place = run_next(study, storage, own, plan)
            if place is None:
                time.sleep(0.1)
                continue
            with (folder / "ran").open("a") as stream:
                stream.write(f"{place} {os.getpid()}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(os.environ.get("GATE", "1")))
