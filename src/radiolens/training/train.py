"""Runs an experiment: epochs of balanced draws, validation, checkpoints that survive a kill, early stopping."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import check_no_leakage
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Preprocessing, network_input
from radiolens.task import Task
from radiolens.training.config import Experiment
from radiolens.training.losses import loss_for, targets
from radiolens.training.model import build_classifier
from radiolens.training.pipeline import EpochDraw, cached_grey_levels
from radiolens.training.run_folder import draw_curves, write_run_facts

__all__ = ["Epoch", "predict_logits", "train"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Epoch:
    """One line of the training log; losses are means, `validation_loss` over the groups of the experiment."""

    number: int
    loss: float
    validation_loss: float
    learning_rate: float


@dataclass(frozen=True)
class _Part:
    """The cases of one split with their grey levels and targets."""

    cases: tuple[Case, ...]
    grey: NDArray[np.uint8]
    wanted: NDArray[np.float32]


def train(
    experiment: Experiment,
    manifest: Manifest,
    run: Path,
    cache: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Train an experiment in the folder `run`, or go on where an earlier call was cut, and return the best network.

    Everything of an epoch is written before the next begins, so a kill loses at most one epoch. Raises
    PatientLeakage if a patient or duplicate group of the manifest stands in two splits.
    """
    check_no_leakage(manifest.cases)
    run.mkdir(parents=True, exist_ok=True)
    write_run_facts(run, experiment, manifest)
    parts = {split: _part(experiment, manifest, split, cache, progress) for split in ("train", "validation")}
    log = _read_log(run)
    model = _resume(experiment, manifest.task, run, log)
    while not _finished(experiment, log):
        log = [*log, _run_epoch(experiment, model, parts, len(log))]
        _checkpoint(model, run, log)
        draw_curves(run, log)
    return run / ("best.keras" if experiment.patience else "last.keras")


def predict_logits(
    model: keras.Model, grey: NDArray[np.uint8], preprocessing: Preprocessing, batch_size: int = 64
) -> NDArray[np.float32]:
    """Return the logits (n, labels) of grey levels (n, rows, columns)."""
    batches = (grey[start : start + batch_size] for start in range(0, len(grey), batch_size))
    logits = [np.asarray(model.predict_on_batch(network_input(batch, preprocessing))) for batch in batches]
    return np.concatenate(logits)


def _part(
    experiment: Experiment, manifest: Manifest, split: str, cache: Path, progress: Callable[[int, int], None]
) -> _Part:
    cases = tuple(case for case in manifest.cases if case.source in experiment.sources and case.split == split)
    if not cases:
        raise DatasetError(
            f"{manifest.file}: no case of {', '.join(experiment.sources)} in the split {split!r}. "
            "Run `radiolens data split`."
        )
    grey = cached_grey_levels(manifest, cases, experiment.preprocessing, cache, progress)
    return _Part(cases, grey, targets(cases, manifest.task, experiment.masked))


def _compile(experiment: Experiment, model: keras.Model, task: Task) -> None:
    steps = experiment.steps_per_epoch * experiment.epochs
    warmup = round(steps * experiment.warmup_share)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=experiment.learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=experiment.weight_decay)
    model.compile(optimizer, loss_for(task, experiment.label_smoothing))


def _resume(experiment: Experiment, task: Task, run: Path, log: Sequence[Epoch]) -> keras.Model:
    if log:
        _log.info("resuming %s after epoch %d", run, len(log))
        return keras.saving.load_model(run / "last.keras")
    keras.utils.set_random_seed(experiment.seed)
    model = build_classifier(experiment, len(task.labels))
    _compile(experiment, model, task)
    return model


def _run_epoch(experiment: Experiment, model: keras.Model, parts: dict[str, _Part], number: int) -> Epoch:
    part = parts["train"]
    draw = EpochDraw(experiment, number, part.cases, part.grey, part.wanted)
    history = model.fit(draw, epochs=number + 1, initial_epoch=number, verbose=1)
    epoch = Epoch(
        number=number,
        loss=float(history.history["loss"][-1]),
        validation_loss=_grouped_loss(experiment, model, parts["validation"]),
        learning_rate=float(np.asarray(model.optimizer.learning_rate)),
    )
    _log.info("%s", epoch)
    return epoch


def _grouped_loss(experiment: Experiment, model: keras.Model, part: _Part) -> float:
    """Return the mean of the sampling groups' mean validation losses, so that no large source drowns another."""
    logits = predict_logits(model, part.grey, experiment.preprocessing)
    groups = np.asarray([experiment.group_by(case) for case in part.cases])
    means = [float(model.loss(part.wanted[groups == group], logits[groups == group])) for group in np.unique(groups)]
    return float(np.mean(means))


def _checkpoint(model: keras.Model, run: Path, log: Sequence[Epoch]) -> None:
    """Write the network, then the log that makes it count; each file replaces its predecessor at once."""
    partial = run / "partial.keras"
    model.save(partial)
    if log[-1].validation_loss == min(epoch.validation_loss for epoch in log):
        shutil.copyfile(partial, run / "partial-best.keras")
        os.replace(run / "partial-best.keras", run / "best.keras")
    os.replace(partial, run / "last.keras")
    lines = "".join(json.dumps(asdict(epoch)) + "\n" for epoch in log)
    (run / "log.partial").write_text(lines)
    os.replace(run / "log.partial", run / "log.jsonl")


def _read_log(run: Path) -> list[Epoch]:
    file = run / "log.jsonl"
    return [Epoch(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def _finished(experiment: Experiment, log: Sequence[Epoch]) -> bool:
    if len(log) >= experiment.epochs:
        return True
    losses = [epoch.validation_loss for epoch in log]
    return bool(experiment.patience and losses) and len(losses) - 1 - int(np.argmin(losses)) >= experiment.patience
