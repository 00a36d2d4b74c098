"""What is changed in a network after its training, on patients it has not seen: size of films, and a part of its head.

Each network without a fold is changed anew, and answers the adults of its fold and the validation cases without a fold.
The fold that is the test split is not for this.

Command: python -m benchmarks.after_training chest_xray_erased --data ../shared/data/chest-xray --runs runs \
    --folds 1,2,3,4 --shares 0,0.25,0.5,0.75,1
    python -m benchmarks.after_training chest_xray_erased --data ../shared/data/chest-xray --runs runs \
    --folds 1,2,3,4 --sides 224,240,256
Runtime: 7 and 16 minutes on one core, once the folds of the base are trained.
Result: the first two tables of "After training" in docs/variants.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.cli.collection import open_collection
from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import group_ids, without_fold
from radiolens.evaluation.within_folds import auroc_within_folds
from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.config import Experiment
from radiolens.training.configs import load_experiment
from radiolens.training.erasure import erase, normal_cases
from radiolens.training.folds import fold_run
from radiolens.training.model import resized
from radiolens.training.pipeline import cached_grey_levels
from radiolens.training.train import base_run, predict_pooled, train
from radiolens.validation.contrasts import ADULT

__all__ = ["questions"]

Floats = NDArray[np.float64]
Side = NDArray[np.bool_]


def questions(cases: Sequence[Case], labels: Sequence[str]) -> Mapping[str, tuple[str, Side, Side]]:
    """Return by question the label whose score is asked, and which cases (n,) should score high and which low.

    Each source's ill cases are told from every group that is not annotated to have the label. Of a label with one such
    source the normal cases of the others are told from that one's, too, for which there is no right answer: one half is
    what a score has that does not know the source.
    """
    found: dict[str, tuple[str, Side, Side]] = {}
    for label in labels:
        groups = np.asarray([_group(case, label) for case in cases])
        names = sorted({str(group) for group in groups} - {""})
        ill = [name for name in names if name.endswith(f", {label}")]
        for one in ill:
            for other in sorted(set(names) - set(ill)):
                found[f"{label}: {one} against {other}"] = (label, groups == one, groups == other)
        home = [f"{one.split(', ')[0]}, normal" for one in ill]
        for name in names if len(home) == 1 else ():
            if name.endswith(", normal") and name not in home:
                found[f"{label}: {name} against {home[0]}"] = (label, groups == name, groups == home[0])
    return found


def _group(case: Case, label: str) -> str:
    """Return the source of a case and what it shows, the label if it does; empty if nothing is annotated."""
    if all(value is None for value in case.labels.values()):
        return ""
    shown = sorted(name for name, value in case.labels.items() if value == 1)
    return f"{case.source}, {label if label in shown else ' and '.join(shown) or 'normal'}"


def _cases(cut: Manifest, fold: int) -> tuple[Case, ...]:
    return tuple(
        case
        for case in cut.cases
        if any(value is not None for value in case.labels.values())
        and ((case.fold == fold and (case.age or 0) >= ADULT) or (case.fold is None and case.split == "validation"))
    )


def _variants(experiment: Experiment, sides: Sequence[int], shares: Sequence[float]) -> dict[str, Experiment]:
    """Return the experiment for each side of its pictures, or share of what it takes out, by what it is called."""
    if sides:
        sized = [replace(experiment.preprocessing, rows=side, columns=side) for side in sides]
        return {f"{one.rows} pixels": replace(experiment, preprocessing=one) for one in sized}
    return {
        f"{share:g} taken out": replace(
            experiment, erased=tuple(replace(erasure, share=share) for erasure in experiment.erased if share > 0)
        )
        for share in shares
    }


def _answers(
    experiment: Experiment, variants: Sequence[Experiment], manifest: Manifest, folds: Sequence[int], runs: Path
) -> Iterator[tuple[tuple[Case, ...], Floats, list[float]]]:
    """Yield for each fold its cases, their logits (n, variants, labels), and how far each variant moves the head."""
    base, labels = experiment.base or experiment, experiment.part(manifest).task.label_names
    for fold in folds:
        cut, run = without_fold(manifest, fold), fold_run(experiment, runs, fold)
        network = keras.saving.load_model(train(base, cut, base_run(base, cut, run), runs / "cache"), compile=False)
        used = experiment.part(cut)
        cases, logits, moved = _cases(used, fold), [], []
        normal = normal_cases(experiment.erased, used.cases)
        features: dict[Preprocessing, dict[str, NDArray[np.float32]]] = {}  # of each source's normal cases
        pictures: dict[Preprocessing, NDArray[np.float32]] = {}
        before = network.get_layer("head").get_weights()[0]
        for variant in variants:
            model, size = resized(network, variant, len(labels)), variant.preprocessing
            if size not in features:
                features[size] = {
                    source: predict_pooled(model, cached_grey_levels(used, part, size, runs / "cache"), size)
                    for source, part in normal.items()
                }
                pictures[size] = predict_pooled(model, cached_grey_levels(used, cases, size, runs / "cache"), size)
            erase(model, variant.erased, labels, features[size])
            kernel, bias = model.get_layer("head").get_weights()
            logits.append(pictures[size].astype(np.float64) @ kernel + bias)
            moved.append(float(np.max(np.linalg.norm(kernel - before, axis=0) / np.linalg.norm(before, axis=0))))
        yield cases, np.stack(logits, axis=1), moved


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--folds", required=True, help="With commas, without that of the test split.")
    varied = parser.add_mutually_exclusive_group(required=True)
    varied.add_argument("--shares", default="", help="With commas: how much to take out.")
    varied.add_argument("--sides", default="", help="With commas: rows and columns of the pictures.")
    asked = parser.parse_args()
    experiment = load_experiment(asked.experiment).with_fixed_schedule()
    manifest = open_collection(asked.data, experiment.task)
    labels = experiment.part(manifest).task.label_names
    folds = [int(fold) for fold in asked.folds.split(",")]
    sides, shares = (
        [kind(one) for one in text.split(",") if one] for kind, text in ((int, asked.sides), (float, asked.shares))
    )
    variants = _variants(experiment, sides, shares)
    parts = list(_answers(experiment, list(variants.values()), manifest, folds, asked.runs))
    cases = tuple(case for own, _, _ in parts for case in own)
    numbers = np.repeat(np.asarray(folds), [len(own) for own, _, _ in parts])
    logits, groups = np.concatenate([values for _, values, _ in parts]), np.asarray(group_ids(cases), np.intp)
    print(f"{experiment.name}: {len({case.path for case in cases})} cases, folds {asked.folds}\n")
    print(f"| told apart, AUROC | {' | '.join(variants)} |")
    print("|---" * (1 + len(variants)) + "|")
    for name, (label, high, low) in questions(cases, labels).items():
        rows, column = high | low, labels.index(label)
        found = [
            auroc_within_folds(high[rows], logits[rows, place, column], numbers[rows], groups[rows])
            for place in range(len(variants))
        ]
        cells = [f"{one.estimate:.3f} ({one.low:.3f} to {one.high:.3f})" for one in found]
        print(f"| {name} | {' | '.join(cells)} |")
    moved = np.mean([own for _, _, own in parts], axis=0)
    print(f"| weights moved, of their norm | {' | '.join(f'{value:.3f}' for value in moved)} |")


if __name__ == "__main__":
    main()
