"""Runs an experiment: epochs of balanced draws, validation, checkpoints that survive a kill, early stopping."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import check_no_leakage
from radiolens.errors import DatasetError, TrainingDiverged
from radiolens.imaging.preprocess import Preprocessing, network_input
from radiolens.task import Task
from radiolens.training.checkpoints import (
    Epoch,
    best_epoch,
    chosen_checkpoint,
    load_network,
    locked,
    read_log,
    restore,
    save_epoch,
    save_made,
    save_mean,
    settle,
)
from radiolens.training.config import Experiment
from radiolens.training.erasure import erase, normal_cases
from radiolens.training.interrupts import interrupts_heeded
from radiolens.training.losses import MapCrossentropy, annotated, loss_for, training_targets
from radiolens.training.model import build_classifier, resized
from radiolens.training.pipeline import EpochDraw, Lesions, cached_grey_levels
from radiolens.training.run_folder import draw_curves, write_run_facts

__all__ = ["Watcher", "base_run", "digest_of_cases", "predict_logits", "predict_pooled", "train"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watcher:
    """Who is told how far a run is: `progress(stage, done, total)` often, `finished(epoch)` after each epoch."""

    progress: Callable[[str, int, int], None] = lambda stage, done, total: None
    finished: Callable[[Epoch], None] = lambda epoch: None


@dataclass(frozen=True, eq=False)
class _Part:
    """The annotated cases of one split with their grey levels (n, rows, columns) and targets (n, labels)."""

    cases: tuple[Case, ...]
    grey: NDArray[np.uint8]
    wanted: NDArray[np.float32]
    lesions: Lesions | None = None


def train(
    experiment: Experiment,
    manifest: Manifest,
    run: Path,
    cache: Path,
    watcher: Watcher = Watcher(),
    *,
    wait: bool = False,
) -> Path:
    """Train an experiment in the folder `run`, or go on where an earlier call was cut, and return the network's file.

    The network is that of the best epoch, or of the last where `patience` is 0. A `base` is trained first, in a folder
    beside `run` that is named after it and its cases, and shared by all runs that start from the same; the networks of
    `mean_of` are trained in folders beside, named after `run` and themselves. Of an experiment with `erased` only the
    base is trained. Where another process trains in the same folder, its end is waited for if `wait`, as always in that
    of a base. All of an epoch is written before the next begins, so a kill loses at most one; the draws, the
    augmentation and the dropout of an epoch depend on seed and epoch only, so a resumed run ends as an uninterrupted
    one.

    Raises PatientLeakage if a patient or duplicate group of the manifest stands in two splits; DatasetError if the
    folder holds another experiment, another process trains in it, or the manifest lacks what the experiment names;
    TrainingDiverged if the loss stops being a number.
    """
    check_no_leakage(manifest.cases)
    used = experiment.part(manifest)
    with locked(run, wait=wait):
        log = read_log(run)
        chosen = {split: _chosen(experiment, used, split) for split in ("train", "validation")}
        write_run_facts(run, experiment, manifest, _digest(experiment, used.task, chosen), len(log))
        if experiment.mean_of:
            return _train_mean(experiment, manifest, run, cache, watcher)
        if experiment.erased and experiment.base:
            return _train_erased(experiment, experiment.base, manifest, run, cache, watcher)
        parts = {split: _part(experiment, used, split, cases, cache, watcher) for split, cases in chosen.items()}
        needed = experiment.base if experiment.mean_with_base or not log else None
        base = _trained_base(needed, manifest, run, cache, watcher) if needed else None
        model = _start(experiment, used.task, run, log, base)
        if experiment.map_weight:
            grid = model.get_layer("features").output.shape[1:3]
            masks = Lesions.read(used, parts["train"].cases, experiment.preprocessing, grid)
            parts["train"] = replace(parts["train"], lesions=masks)
        while not _finished(experiment, log):
            log = [*log, _run_epoch(experiment, model, parts, len(log), watcher)]
            save_epoch(model, run, log, keep_best=experiment.patience > 0)
            draw_curves(run, log)
            watcher.finished(log[-1])
        keep_best = experiment.patience > 0
        if base and experiment.mean_with_base:
            return save_mean([base, chosen_checkpoint(run, log, keep_best=keep_best)], run)
        return settle(run, log, keep_best=keep_best)


def digest_of_cases(experiment: Experiment, manifest: Manifest) -> str:
    """Return a SHA-256 of the cases, labels and groups that an experiment trains and validates on.

    Raises DatasetError if the manifest lacks what the experiment names.
    """
    used = experiment.part(manifest)
    chosen = {split: _chosen(experiment, used, split) for split in ("train", "validation")}
    return _digest(experiment, used.task, chosen)


def base_run(base: Experiment, manifest: Manifest, run: Path) -> Path:
    """Return a base's folder, beside that of a run: runs share it if it is trained on the same cases for them."""
    return run.with_name(f"{base.name}-{digest_of_cases(base, manifest)[:8]}")


def predict_logits(
    model: keras.Model, grey: NDArray[np.uint8], preprocessing: Preprocessing, batch_size: int = 64
) -> NDArray[np.float32]:
    """Return the logits (n, labels) of grey levels (n, rows, columns); maps that the model gives too are left out."""
    batches = (grey[start : start + batch_size] for start in range(0, len(grey), batch_size))
    answers = [model.predict_on_batch(network_input(batch, preprocessing)) for batch in batches]
    return np.concatenate([np.asarray(found[0] if isinstance(found, list) else found) for found in answers])


def predict_pooled(model: keras.Model, grey: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return the pooled features (n, channels), which the head gets, of grey levels (n, rows, columns)."""
    return predict_logits(keras.Model(model.input, model.get_layer("pooled").output), grey, preprocessing)


def _chosen(experiment: Experiment, manifest: Manifest, split: str) -> tuple[Case, ...]:
    """Return the cases of a split that have an annotation left; the others could only dilute the draws."""
    cases = [case for case in manifest.cases if case.split == split]
    told = annotated(training_targets(experiment, cases, manifest.task), exclusive=manifest.task.exclusive)
    chosen = tuple(case for case, kept in zip(cases, told, strict=True) if kept)
    if not chosen:
        raise DatasetError(
            f"{manifest.file}: no annotated case of {', '.join(experiment.sources) or 'any source'} in the split "
            f"{split!r}. Run `radiolens data split`."
        )
    return chosen


def _trained_base(base: Experiment, manifest: Manifest, run: Path, cache: Path, watcher: Watcher) -> Path:
    return train(base, manifest, base_run(base, manifest, run), cache, watcher, wait=True)


def _digest(experiment: Experiment, task: Task, chosen: Mapping[str, Sequence[Case]]) -> str:
    """Return what tells whether a run goes on with the same cases, labels and groups: a SHA-256."""
    rows = [
        [split, case.path, experiment.group_by(case), *row]
        for split, cases in chosen.items()
        for case, row in zip(cases, training_targets(experiment, cases, task).tolist(), strict=True)
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _part(
    experiment: Experiment, manifest: Manifest, split: str, cases: tuple[Case, ...], cache: Path, watcher: Watcher
) -> _Part:
    grey = _grey(manifest, cases, experiment.preprocessing, cache, watcher, f"the images of the split {split}")
    return _Part(cases, grey, training_targets(experiment, cases, manifest.task))


def _grey(
    manifest: Manifest, cases: tuple[Case, ...], size: Preprocessing, cache: Path, watcher: Watcher, what: str
) -> NDArray[np.uint8]:
    def progress(done: int, total: int) -> None:
        watcher.progress(f"reading {what}", done, total)

    return cached_grey_levels(manifest, cases, size, cache, progress)


def _train_mean(experiment: Experiment, manifest: Manifest, run: Path, cache: Path, watcher: Watcher) -> Path:
    networks = []
    for member in experiment.mean_of:

        def progress(stage: str, done: int, total: int, name: str = member.name) -> None:
            watcher.progress(f"{name}: {stage}", done, total)

        _log.info("%s", member.name)
        own = run.with_name(f"{run.name}-{member.name}")
        networks.append(train(member, manifest, own, cache, replace(watcher, progress=progress)))
    return save_mean(networks, run)


def _train_erased(
    experiment: Experiment, base: Experiment, manifest: Manifest, run: Path, cache: Path, watcher: Watcher
) -> Path:
    used, size = experiment.part(manifest), experiment.preprocessing
    normal = normal_cases(experiment.erased, used.cases)  # what lacks is told before hours of training, not after
    network = _trained_base(base, manifest, run, cache, watcher)

    def erased(models: Sequence[keras.Model]) -> keras.Model:
        model = resized(models[0], experiment, len(used.task.labels))
        features = {
            source: predict_pooled(model, _grey(used, cases, size, cache, watcher, f"normal images of {source}"), size)
            for source, cases in normal.items()
        }
        erase(model, experiment.erased, used.task.label_names, features)
        return model

    return save_made([network], run, erased)


def _start(experiment: Experiment, task: Task, run: Path, log: Sequence[Epoch], base: Path | None) -> keras.Model:
    if log:
        _log.info("resuming %s after epoch %d", run, len(log))
        return restore(run, log)
    keras.utils.set_random_seed(experiment.seed)
    model = build_classifier(experiment, len(task.labels), pretrained=base is None)
    if base is not None:
        model.set_weights(load_network(base).get_weights())
    steps = experiment.steps_per_epoch * experiment.epochs
    warmup = round(steps * experiment.warmup_share)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=experiment.learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=experiment.weight_decay)
    loss = loss_for(task, experiment.label_smoothing)
    if experiment.map_weight:
        model.compile(optimizer, [loss, MapCrossentropy()], loss_weights=[1.0, experiment.map_weight])
    else:
        model.compile(optimizer, loss)
    return model


def _run_epoch(
    experiment: Experiment, model: keras.Model, parts: Mapping[str, _Part], number: int, watcher: Watcher
) -> Epoch:
    part = parts["train"]
    draw = EpochDraw(experiment, number, part.cases, part.grey, part.wanted, part.lesions)
    _seed_dropout(model, experiment.seed, number)
    with interrupts_heeded() as check:
        steps = _Steps(f"epoch {number + 1} of {experiment.epochs}", len(draw), watcher, check)
        # The draw is random already; shuffling its batches would take Python's global state, which a resumed run lacks.
        history = model.fit(draw, epochs=number + 1, initial_epoch=number, verbose=0, shuffle=False, callbacks=[steps])
        epoch = Epoch(
            number=number,
            loss=float(history.history["loss"][-1]),
            validation_loss=_grouped_loss(experiment, model, parts["validation"]),
            learning_rate=float(np.asarray(model.optimizer.learning_rate)),
        )
        check()
    if not (math.isfinite(epoch.loss) and math.isfinite(epoch.validation_loss)):
        raise TrainingDiverged(
            f"the loss is {epoch.loss:g}, on validation {epoch.validation_loss:g}. "
            f"Lower the learning rate ({experiment.learning_rate:g}) and start in another folder.",
            number + 1,
        )
    return epoch


class _Steps(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    """Tells a watcher of every batch, since Keras's own bar writes control characters, and heeds Ctrl+C after it."""

    def __init__(self, stage: str, total: int, watcher: Watcher, check: Callable[[], None]) -> None:
        super().__init__()
        self._stage, self._total, self._watcher, self._check = stage, total, watcher, check

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self._check()
        self._watcher.progress(self._stage, batch + 1, self._total)


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Set the state of each random layer, which a saved network does not hold."""
    for layer in model.layers:
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.asarray([seed, epoch]))


def _grouped_loss(experiment: Experiment, model: keras.Model, part: _Part) -> float:
    """Return the mean of the sampling groups' mean validation losses, so that no large source drowns another."""
    logits = predict_logits(model, part.grey, experiment.preprocessing)
    groups = np.asarray([experiment.group_by(case) for case in part.cases])
    loss = model.loss[0] if experiment.map_weight else model.loss
    means = [float(loss(part.wanted[groups == group], logits[groups == group])) for group in np.unique(groups)]
    return float(np.mean(means))


def _finished(experiment: Experiment, log: Sequence[Epoch]) -> bool:
    if len(log) >= experiment.epochs:
        return True
    return bool(experiment.patience and log) and len(log) - 1 - best_epoch(log) >= experiment.patience
