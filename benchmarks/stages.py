"""What the last stage of an experiment and the mean with its base change, on patients that no network has seen.

Of an experiment that is the mean of its base and itself, all three networks of each fold answer their own fold, and the
validation films of sources without folds. Two things are asked of pneumonia: is it told within one hospital, and are
another archive's normal films told from it? The first also with pairs of films of about the same brightness only, since
brightness tells the answers of an archive apart without any anatomy. The fold that is the test split is left out.

Command: python -m benchmarks.stages chest_xray_reconciled --data ../shared/data/chest-xray --runs runs --test-fold 5
Runtime: two minutes on two cores, once `radiolens crossvalidate` is done.
Result: the table "Whole networks" of docs/variants.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.cli.collection import open_collection
from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import group_ids, without_fold
from radiolens.errors import DatasetError
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.within_folds import auroc_within_folds
from radiolens.training.checkpoints import chosen_checkpoint, read_log
from radiolens.training.config import Experiment
from radiolens.training.configs import load_experiment
from radiolens.training.folds import fold_numbers, fold_run
from radiolens.training.pipeline import cached_grey_levels
from radiolens.training.train import base_run, predict_logits, train

__all__ = ["fifths_of", "figures"]

ADULT, FIFTHS = 18, 5
NETWORK = "network.keras"


def fifths_of(brightness: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the fifth, 0 to 4, in which each value (n,) lies."""
    return np.searchsorted(np.quantile(brightness, np.arange(1, FIFTHS) / FIFTHS), brightness, side="right")


def figures(
    cases: Sequence[Case],
    scores: NDArray[np.float64],
    folds: NDArray[np.intp],
    brightness: NDArray[np.float64],
    label: str,
) -> tuple[Interval, Interval, Interval]:
    """Return the AUROC within a hospital, the same within fifths of brightness, and against other archives' normals.

    All arrays are (n,); brightness is the median grey level. A case without a fold of its own stands once for every
    network; pairs are of one network.
    """
    groups = np.asarray(group_ids(cases), np.intp)
    present = np.asarray([case.labels[label] == 1 for case in cases])
    own = np.asarray([case.fold is not None for case in cases])
    strange = (own & present) | (~own & ~present)
    return (
        auroc_within_folds(present[own], scores[own], folds[own], groups[own]),
        auroc_within_folds(present[own], scores[own], folds[own] * FIFTHS + fifths_of(brightness[own]), groups[own]),
        auroc_within_folds(present[strange], scores[strange], folds[strange], groups[strange]),
    )


def _asked(cut: Manifest, fold: int, label: str) -> tuple[Case, ...]:
    """Return the adults of a fold, and the validation cases of sources that have no case with the finding."""
    with_it = {case.source for case in cut.cases if case.labels.get(label) == 1}
    return tuple(
        case
        for case in cut.cases
        if case.labels.get(label) is not None
        and (
            (case.fold == fold and (case.age or 0) >= ADULT)
            or (case.fold is None and case.split == "validation" and case.source not in with_it)
        )
    )


def _networks(experiment: Experiment, cut: Manifest, fold: int, runs: Path) -> dict[str, Path]:
    """Return the files of the three networks of a fold that is done; raise DatasetError for another."""
    run, base = fold_run(experiment, runs, fold), experiment.base
    log = read_log(run)
    if base is None or not experiment.mean_with_base or len(log) < experiment.epochs:
        raise DatasetError(
            f"{run}: no finished run of an experiment that is the mean of its base and itself. Let `radiolens "
            f"crossvalidate {experiment.name}` finish first."
        )
    return {
        "the base": base_run(base, cut, run) / NETWORK,
        "after it": chosen_checkpoint(run, log, keep_best=experiment.patience > 0),
        "the mean": train(experiment, cut, run, runs / "cache"),
    }


def _answers(
    experiment: Experiment, manifest: Manifest, folds: Sequence[int], runs: Path, label: str
) -> Iterator[tuple[int, tuple[Case, ...], NDArray[np.uint8], dict[str, NDArray[np.float64]]]]:
    """Yield fold, cases, grey levels (n, rows, columns) and the logits (n,) of each network."""
    column = manifest.task.label_names.index(label)
    for fold in folds:
        cut = without_fold(manifest, fold)
        files = _networks(experiment, cut, fold, runs)
        cases = _asked(experiment.part(cut), fold, label)
        grey = cached_grey_levels(cut, cases, experiment.preprocessing, runs / "cache")
        logits = {}
        for name, file in files.items():
            network = keras.saving.load_model(file, compile=False)
            logits[name] = predict_logits(network, grey, experiment.preprocessing)[:, column].astype(np.float64)
        yield fold, cases, grey, logits


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--label", default="pneumonia")
    parser.add_argument("--test-fold", type=int, required=True, help="Not looked at.")
    asked = parser.parse_args()
    experiment = load_experiment(asked.experiment).with_fixed_schedule()
    manifest = open_collection(asked.data, experiment.task)
    folds = [fold for fold in fold_numbers(manifest) if fold != asked.test_fold]
    parts = list(_answers(experiment, manifest, folds, asked.runs, asked.label))
    cases = [case for _, own, _, _ in parts for case in own]
    numbers = np.concatenate([np.full(len(own), fold) for fold, own, _, _ in parts])
    brightness = np.concatenate([np.median(grey, axis=(1, 2)) for _, _, grey, _ in parts])
    print(f"{experiment.name}: {len(cases)} answers, folds {', '.join(map(str, folds))}\n")
    print("| network | within the hospital | within fifths of brightness | against other normals |\n|---|---|---|---|")
    for name in parts[0][3]:
        scores = np.concatenate([logits[name] for _, _, _, logits in parts])
        found = figures(cases, scores, numbers, brightness, asked.label)
        print(f"| {name} | {' | '.join(f'{one.estimate:.3f} ({one.low:.3f} to {one.high:.3f})' for one in found)} |")


if __name__ == "__main__":
    main()
