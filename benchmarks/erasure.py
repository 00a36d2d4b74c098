"""How much of what two sources' normal films differ by to take out of a head: told on patients no network has seen.

Each network without a fold is changed anew, and answers the adults of its fold and the validation cases without a fold.
The fold that is the test split is not for this.

Command: python -m benchmarks.erasure chest_xray_erased --data ../shared/data/chest-xray --runs runs --folds 1,2,3,4
Runtime: three minutes on two cores, once the folds of its base are trained.
Result: the table "Taken out of the head" of docs/variants.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.cli.collection import open_collection
from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import group_ids, without_fold
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.within_folds import auroc_within_folds
from radiolens.training.config import Experiment, SourceErasure
from radiolens.training.configs import load_experiment
from radiolens.training.erasure import erased_weights
from radiolens.training.folds import fold_run
from radiolens.training.pipeline import cached_grey_levels
from radiolens.training.train import base_run, normal_features, predict_logits, train

__all__ = ["questions"]

ADULT = 18
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def questions(
    erasure: SourceErasure, cases: Sequence[Case]
) -> Mapping[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return by question which cases (n,) should score high and which low.

    That of both sources' normal films has no right answer: one half is what a score without a source cue has. The
    others tell the second source's ill films from its own normals, and from each other group that is without the label.
    """
    first, second = erasure.sources
    groups = np.asarray([_group(case, erasure.label) for case in cases])
    ill, own = groups == f"{second}, ill", groups == f"{second}, normal"
    rest = sorted({str(group) for group in groups} - {f"{second}, ill", f"{second}, normal"})
    return {
        f"normals of {first} against {second}": (groups == f"{first}, normal", own),
        f"{second}, against its normals": (ill, own),
        **{f"{second}, against {group}": (ill, groups == group) for group in rest},
    }


def _group(case: Case, label: str) -> str:
    told = {name: value for name, value in case.labels.items() if value is not None}
    if told.get(label) == 1:
        return f"{case.source}, ill"
    others = sorted(name for name, value in told.items() if value == 1)
    return f"{case.source}, {' and '.join(others) or 'normal'}"


def _cases(cut: Manifest, fold: int) -> tuple[Case, ...]:
    return tuple(
        case
        for case in cut.cases
        if any(value is not None for value in case.labels.values())
        and ((case.fold == fold and (case.age or 0) >= ADULT) or (case.fold is None and case.split == "validation"))
    )


def _answers(
    experiment: Experiment, manifest: Manifest, folds: Sequence[int], runs: Path, erasure: SourceErasure
) -> Iterator[tuple[tuple[Case, ...], NDArray[np.float64], list[float]]]:
    """Yield for each fold its cases, their logits (n, shares), and how far each share moves the weights."""
    base, column = experiment.base or experiment, manifest.task.label_names.index(erasure.label)
    for fold in folds:
        cut, run = without_fold(manifest, fold), fold_run(experiment, runs, fold)
        network = train(base, cut, base_run(base, cut, run), runs / "cache")
        model = keras.saving.load_model(network, compile=False)
        normal = normal_features(model, experiment, cut, runs / "cache")
        used = experiment.part(cut)
        cases = _cases(used, fold)
        grey = cached_grey_levels(used, cases, experiment.preprocessing, runs / "cache")
        pooled = predict_logits(
            keras.Model(model.input, model.get_layer("pooled").output), grey, experiment.preprocessing
        )
        kernel, bias = model.get_layer("head").get_weights()
        weights, logits, moved = kernel[:, column], [], []
        for share in SHARES:
            first, second = (normal[source] for source in erasure.sources)
            changed, shifted = erased_weights(weights, float(bias[column]), first, second, share)
            logits.append(pooled @ changed + shifted)
            moved.append(float(np.linalg.norm(changed - weights) / np.linalg.norm(weights)))
        yield cases, np.stack(logits, axis=1).astype(np.float64), moved


def _told(one: Interval) -> str:
    return f"{one.estimate:.3f} ({one.low:.3f} to {one.high:.3f})"


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--folds", required=True, help="With commas, without that of the test split.")
    asked = parser.parse_args()
    experiment = load_experiment(asked.experiment).with_fixed_schedule()
    manifest = open_collection(asked.data, experiment.task)
    folds = [int(fold) for fold in asked.folds.split(",")]
    (erasure,) = experiment.erased
    parts = list(_answers(experiment, manifest, folds, asked.runs, erasure))
    cases = tuple(case for own, _, _ in parts for case in own)
    numbers = np.repeat(np.asarray(folds), [len(own) for own, _, _ in parts])
    logits, groups = np.concatenate([values for _, values, _ in parts]), np.asarray(group_ids(cases), np.intp)
    print(f"{experiment.name}: {len({case.path for case in cases})} cases, folds {asked.folds}\n")
    print(f"| told apart, AUROC | {' | '.join(f'{share:g} taken out' for share in SHARES)} |")
    print("|---" * (1 + len(SHARES)) + "|")
    for name, (high, low) in questions(erasure, cases).items():
        rows = high | low
        cells = [
            _told(auroc_within_folds(high[rows], logits[rows, place], numbers[rows], groups[rows]))
            for place in range(len(SHARES))
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    moved = np.mean([own for _, _, own in parts], axis=0)
    print(f"| weights moved, of their norm | {' | '.join(f'{value:.3f}' for value in moved)} |")


if __name__ == "__main__":
    main()
