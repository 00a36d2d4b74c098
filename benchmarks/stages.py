"""What the stages of a training do, on patients that no network has seen: the networks of folds, side by side.

Two things are asked of a finding: is it told within one hospital, and are the normal films of another archive, which
has none with it, told from it? The first also with pairs of films of about the same brightness only, since brightness
tells the answers of an archive apart without any anatomy; what it tells alone is the last row. Each network answers the
adults of its own fold, and the validation cases of that archive. The fold that is the test split is not for this.

Command: python -m benchmarks.stages chest_xray_toned --data ../shared/data/chest-xray --runs runs --folds 1,2,3,4
Runtime: a minute and a half on two cores, once the folds are trained.
Result: the table "Whole networks" of docs/variants.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet as pq
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
from radiolens.training.folds import fold_run
from radiolens.training.pipeline import cached_grey_levels
from radiolens.training.train import base_run, predict_logits, train
from radiolens.validation.contrasts import ADULT

__all__ = ["fifths_of", "figures"]

FIFTHS = 5
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
    """Return the files of the networks of a fold that is done; raise DatasetError for another."""
    run, base = fold_run(experiment, runs, fold), experiment.base
    log = read_log(run)
    if len(log) < experiment.epochs:
        raise DatasetError(f"{run}: no finished run. Let `radiolens crossvalidate {experiment.name}` finish first.")
    result = train(experiment, cut, run, runs / "cache")
    if base is None or not experiment.mean_with_base:
        return {experiment.name: result}
    return {
        base.name: base_run(base, cut, run) / NETWORK,
        f"{experiment.name}, before the mean": chosen_checkpoint(run, log, keep_best=experiment.patience > 0),
        experiment.name: result,
    }


def _answers(
    experiment: Experiment, manifest: Manifest, folds: Sequence[int], runs: Path, label: str
) -> Iterator[tuple[int, tuple[Case, ...], NDArray[np.float64], dict[str, NDArray[np.float64]]]]:
    """Yield fold, cases, brightness (n,) and the logits (n,) of each network."""
    column = manifest.task.label_names.index(label)
    for fold in folds:
        cut = without_fold(manifest, fold)
        files = _networks(experiment, cut, fold, runs)
        cases = _asked(experiment.part(cut), fold, label)
        grey = cached_grey_levels(cut, cases, experiment.preprocessing, runs / "cache")
        brightness = np.median(grey, axis=(1, 2))
        logits = {}
        for name, file in files.items():
            network = keras.saving.load_model(file, compile=False)
            logits[name] = predict_logits(network, grey, experiment.preprocessing)[:, column].astype(np.float64)
        yield fold, cases, brightness, {**logits, "darkness alone": -brightness}


def _kept(file: Path, cases: Sequence[Case], label: str) -> NDArray[np.float64]:
    """Return the probabilities (n,) that predictions.parquet of a cross-validation has of cases, nan of others."""
    table = pq.read_table(file, columns=["path", f"probability:{label}"]).to_pydict()
    known = dict(zip(table["path"], table[f"probability:{label}"], strict=True))
    return np.asarray([known.get(case.path, np.nan) for case in cases], np.float64)


def _row(name: str, found: Sequence[Interval]) -> str:
    cells = [f"{one.estimate:.3f} ({one.low:.3f} to {one.high:.3f})" for one in found]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--label", default="pneumonia")
    parser.add_argument("--folds", required=True, help="With commas, without that of the test split.")
    parser.add_argument("--against", type=Path, help="predictions.parquet of a cross-validation of another experiment.")
    asked = parser.parse_args()
    experiment = load_experiment(asked.experiment).with_fixed_schedule()
    manifest = open_collection(asked.data, experiment.task)
    folds = [int(fold) for fold in asked.folds.split(",")]
    parts = list(_answers(experiment, manifest, folds, asked.runs, asked.label))
    cases = [case for _, own, _, _ in parts for case in own]
    numbers = np.concatenate([np.full(len(own), fold) for fold, own, _, _ in parts])
    brightness = np.concatenate([values for _, _, values, _ in parts])
    own = np.asarray([case.fold is not None for case in cases])
    print(f"{experiment.name}: {own.sum()} adults, folds {asked.folds}; medians of brightness of 255:")
    for name, rows in (
        ("ill", own & np.asarray([case.labels[asked.label] == 1 for case in cases])),
        ("not ill", own & np.asarray([case.labels[asked.label] == 0 for case in cases])),
        ("other archive", ~own),
    ):
        print(f"* {name}: {np.median(brightness[rows]):.0f}")
    print(
        "\n| network | within the hospital | within fifths of brightness | against other normals |\n|---|---|---|---|"
    )
    for name in parts[0][3]:
        scores = np.concatenate([logits[name] for _, _, _, logits in parts])
        print(_row(name, figures(cases, scores, numbers, brightness, asked.label)))
    if asked.against:
        kept = [case for case in cases if case.fold is not None]
        scores = _kept(asked.against, kept, asked.label)
        found = figures(kept, scores, numbers[own], brightness[own], asked.label)
        print(_row(f"{asked.against}, own folds only", found[:2]))


if __name__ == "__main__":
    main()
