"""Searches hyperparameters: trials of an experiment, chosen by the validation loss of those before, on optuna.

<folder>/study.sqlite   the study, unless it is kept elsewhere
         trial-0003/    the run of a trial (see `checkpoints`); only the best one keeps its network
         best.py        the best trial as an experiment file
         tune.html      history, importance and table of all trials
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from radiolens.data.manifest import Manifest
from radiolens.data.splits import check_no_leakage
from radiolens.errors import DatasetError, RadiolensError, TrainingDiverged
from radiolens.training.checkpoints import Epoch, best_epoch, read_log
from radiolens.training.config import Experiment, as_json, completed
from radiolens.training.train import Watcher, digest_of_cases, train
from radiolens.training.tuning.experiment_file import write_experiment
from radiolens.training.tuning.search import (
    Choice,
    Hyperband,
    Integers,
    LogUniform,
    Median,
    Range,
    Search,
    check_search,
    contains,
    present_value,
    search_as_json,
    tuned,
)
from radiolens.training.tuning.study_storage import StudyStorage, file_lock
from radiolens.training.tuning.trials import (
    Opening,
    Place,
    Plan,
    best_place,
    mark_stopped,
    note,
    places,
    run_next,
    worker,
)
from radiolens.training.tuning.tune_page import write_page

__all__ = ["SearchRun", "TuneWatcher", "Tuned", "experiment_of", "tune"]

_SPLITS = ("train", "validation")
"""All that a search sees; the other splits are for judging what it found."""

_PAUSE_S = 2.0
"""Between two looks whether the trials of other processes have ended."""


@dataclass(frozen=True)
class TuneWatcher:
    """Who is told: `progress(stage, done, total)` often, `finished(place, best, total)` after each trial."""

    progress: Callable[[str, int, int], None] = lambda stage, done, total: None
    finished: Callable[[Place, Place | None, int], None] = lambda place, best, total: None


@dataclass(frozen=True)
class SearchRun:
    """One search and where it happens: a folder for its runs, one for grey levels, the storage of its study.

    `config` is the name or path of the experiment file, and `command` what was called; both go to the file of the
    best trial.
    """

    experiment: Experiment
    search: Search
    manifest: Manifest
    folder: Path
    cache: Path
    storage: StudyStorage
    config: str
    command: str


@dataclass(frozen=True)
class Tuned:
    """A search that is over: its places, the best of them, and the files that tell of it (None if no trial ended)."""

    places: tuple[Place, ...]
    best: Place | None
    best_file: Path | None
    page: Path


def tune(run: SearchRun, watcher: TuneWatcher = TuneWatcher()) -> Tuned:
    """Run trials until the study has as many as the search wants, together with other processes that do the same.

    A trial's value is the validation loss of the network that `train` would keep; no other split than training and
    validation is handed to it. Whatever is killed goes on at the next call, or with another process: at most the
    epoch in work is lost where the folder is shared, else the trial.

    Raises PatientLeakage if a patient or duplicate group of the manifest stands in two splits; DatasetError if the
    study holds another search, or as `train` does; PeerError if its server fails.
    """
    check_search(run.experiment, run.search)
    check_no_leakage(run.manifest.cases)
    seen = replace(run.manifest, cases=tuple(case for case in run.manifest.cases if case.split in _SPLITS))
    run = replace(run, manifest=seen)
    with run.storage.told(), worker(run.folder) as own:
        study = _open_study(run)
        plan = _plan(run, watcher)
        while not _is_over(run, study):
            ended = run_next(study, run.storage, own, plan)
            if ended is None:
                _wait(run, study, watcher)
                continue
            best = _write_results(run, study)
            watcher.finished(places(study)[ended], best, run.search.trials)
        best = _write_results(run, study)
        found = tuple(places(study).values())
    return Tuned(found, best, run.folder / "best.py" if best else None, run.folder / "tune.html")


def experiment_of(experiment: Experiment, search: Search, values: Mapping[str, object]) -> Experiment:
    """Return the experiment of one trial: with what is fixed, its values (choices by their label), and another name."""
    return tuned(experiment, _changes(experiment, search, values))


def _changes(experiment: Experiment, search: Search, values: Mapping[str, object]) -> dict[str, object]:
    chosen = {
        name: allowed.by_label()[str(values[name])] if isinstance(allowed, Choice) else values[name]
        for name, allowed in search.space.items()
    }
    return {"name": f"{experiment.name}_tuned", **search.fixed, **chosen}


def _open_study(run: SearchRun) -> optuna.Study:
    """Return the study of this search; raise DatasetError if the storage holds another one under its name."""
    facts = json.loads(
        json.dumps(
            {
                **{f"experiment.{name}": value for name, value in as_json(run.experiment).items()},
                **{f"search.{name}": value for name, value in search_as_json(run.search).items()},
                "cases": digest_of_cases(run.experiment, run.manifest),
            }
        )
    )
    with run.storage.exclusive():
        study = optuna.create_study(
            storage=run.storage.trials,
            pruner=_pruner(run),
            study_name=run.experiment.name,
            load_if_exists=True,
        )
        found = study.user_attrs.get("facts")
        if found is None:
            study.set_user_attr("facts", facts)
        elif (found := _completed(found)) != facts:
            differing = sorted(name for name in found.keys() | facts.keys() if found.get(name) != facts.get(name))
            raise DatasetError(
                f"{run.storage.address} holds another search of {run.experiment.name!r}: {', '.join(differing)} "
                "differ. Give the experiment another name, or --storage another place."
            )
    return study


def _completed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a study as this version would write them."""
    start = "experiment."
    written = {name.removeprefix(start): value for name, value in facts.items() if name.startswith(start)}
    return {**facts, **{f"{start}{name}": value for name, value in completed(written).items()}}


def _pruner(run: SearchRun) -> optuna.pruners.BasePruner:
    pruner = run.search.pruner
    if isinstance(pruner, Median):
        return optuna.pruners.MedianPruner(pruner.startup_trials, pruner.warmup_epochs)
    if isinstance(pruner, Hyperband):
        epochs = tuned(run.experiment, run.search.fixed).epochs
        return optuna.pruners.HyperbandPruner(pruner.least_epochs, epochs, pruner.reduction_factor)
    return optuna.pruners.NopPruner()


def _is_over(run: SearchRun, study: optuna.Study) -> bool:
    return sum(place.over for place in places(study).values()) >= run.search.trials


def _plan(run: SearchRun, watcher: TuneWatcher) -> Plan:
    def objective(trial: optuna.Trial, place: int) -> float:
        values = {name: _suggest(trial, name, allowed) for name, allowed in run.search.space.items()}
        return _run_trial(run, trial, place, values, watcher)

    return Plan(run.search.trials, _opening(run), lambda place: _sampler(run.search, place), objective)


def _run_trial(
    run: SearchRun, trial: optuna.Trial, place: int, values: Mapping[str, object], watcher: TuneWatcher
) -> float:
    """Train one trial, or go on where its place was left, and return its validation loss; TrialPruned ends it early."""
    experiment = experiment_of(run.experiment, run.search, values)
    folder = run.folder / f"trial-{place:04d}"

    def progress(stage: str, done: int, total: int) -> None:
        watcher.progress(f"trial {place} of {run.search.trials}, {stage}", done, total)

    def finished(epoch: Epoch) -> None:
        trial.report(epoch.validation_loss, epoch.number)
        if epoch.number + 1 < experiment.epochs and trial.should_prune():
            note(trial, f"stopped by the pruner after epoch {epoch.number + 1} of {experiment.epochs}")
            raise optuna.TrialPruned

    keras.backend.clear_session()  # or every trial would leave its graph in memory
    try:
        for epoch in read_log(folder):
            trial.report(epoch.validation_loss, epoch.number)
        train(experiment, run.manifest, folder, run.cache, Watcher(progress, finished))
    except TrainingDiverged as error:
        note(trial, str(error))
        raise optuna.TrialPruned from error  # which tells the sampler that these values are bad
    except (RadiolensError, OSError, KeyboardInterrupt):
        mark_stopped(trial)
        raise
    log = read_log(folder)
    return log[best_epoch(log) if experiment.patience else -1].validation_loss


def _suggest(trial: optuna.Trial, name: str, allowed: Range) -> object:
    """Draw a value, choices by their label."""
    if isinstance(allowed, Choice):
        return trial.suggest_categorical(name, list(allowed.by_label()))
    if isinstance(allowed, Integers):
        return trial.suggest_int(name, allowed.low, allowed.high, step=allowed.step)
    return trial.suggest_float(name, allowed.low, allowed.high, log=isinstance(allowed, LogUniform))


def _distribution(allowed: Range) -> BaseDistribution:
    """Return what `_suggest` draws from."""
    if isinstance(allowed, Choice):
        return CategoricalDistribution(list(allowed.by_label()))
    if isinstance(allowed, Integers):
        return IntDistribution(allowed.low, allowed.high, step=allowed.step)
    return FloatDistribution(allowed.low, allowed.high, log=isinstance(allowed, LogUniform))


def _opening(run: SearchRun) -> Opening:
    """Return what the experiment has already, as far as the space holds it, so that trial 1 tells what to beat."""
    base = tuned(run.experiment, run.search.fixed)
    present = {name: present_value(base, name) for name in run.search.space}
    return {
        name: (repr(present[name]) if isinstance(allowed, Choice) else present[name], _distribution(allowed))
        for name, allowed in run.search.space.items()
        if contains(allowed, present[name])
    }


def _sampler(search: Search, place: int) -> optuna.samplers.TPESampler:
    """Return a sampler seeded by place: processes draw other values, and a search of one process always the same."""
    seed = int(np.random.SeedSequence([search.seed, place]).generate_state(1)[0])
    return optuna.samplers.TPESampler(n_startup_trials=search.startup_trials, seed=seed)


def _wait(run: SearchRun, study: optuna.Study, watcher: TuneWatcher) -> None:
    """Give other processes time; if one of them dies, its trial is taken up here."""
    done = sum(place.over for place in places(study).values())
    watcher.progress("waiting for the trials of other processes", done, run.search.trials)
    time.sleep(_PAUSE_S)


def _write_results(run: SearchRun, study: optuna.Study) -> Place | None:
    """Write page and best trial, remove the networks of all others, and return the best place."""
    with file_lock(run.folder / "results.lock"):  # processes that share the folder, one after the other
        found = places(study)
        best = best_place(found.values())
        for place in found.values():
            if place.over and place is not best:
                for file in (run.folder / f"trial-{place.number:04d}").glob("*.keras"):
                    file.unlink()
        if best is not None:
            changes = _changes(run.experiment, run.search, best.values)
            write_experiment(run.folder / "best.py", _head(run, study, best), run.config, changes)
        write_page(run.folder / "tune.html", study, run.storage.address, run.search, tuple(found.values()))
    return best


def _head(run: SearchRun, study: optuna.Study, best: Place) -> str:
    """Return the docstring of the best trial's file."""
    found = places(study).values()
    over = sum(place.over for place in found)
    return (
        f"The best of {over} trials of {run.experiment.name}, found by a search.\n\n"
        f"Command: {run.command}\n"
        f"Study: {study.study_name!r} in {run.storage.address}, trial {best.number}\n"
        f"Result: validation loss {best.loss:.4f}, of the split by which it was chosen; measure it on another one.\n"
    )
