"""Which calibration and which prediction sets hold in every source, compared on answers to patients that are new.

The answers are those that the network without a fold is calibrated on, or those of a bundle that was calibrated on the
validation split. They are cut by patient once more, and every part is judged by what the others chose (cross-fitting).

Command: python -m benchmarks.certainty brain_mri --data ../shared/data/brain-mri --runs runs --without-fold 5
    python -m benchmarks.certainty chest_xray --data ../shared/data/chest-xray --bundle chest-xray
Runtime: under a minute on one core, once `radiolens crossvalidate` is done; most of it starts TensorFlow.
Result: the tables of docs/conformal.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from radiolens.cli.bundle_folder import bundle_folder
from radiolens.cli.collection import open_collection
from radiolens.data.known_answers import known_answers
from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import folds_by_group, group_ids
from radiolens.evaluation.calibration import expected_calibration_error, fit_platt, fit_temperature
from radiolens.evaluation.conformal import COVERAGE, ConformalSets, answers_of
from radiolens.evaluation.intervals import Interval, clustered_share_interval
from radiolens.evaluation.link import probabilities
from radiolens.inference.engine import Engine
from radiolens.task import Task
from radiolens.training.calibrate import operating_point, source_weights
from radiolens.training.config import Experiment
from radiolens.training.configs import load_experiment
from radiolens.training.folds import calibration_answers, finished_folds
from radiolens.training.losses import targets
from radiolens.training.pipeline import cached_grey_levels

__all__ = ["LINKS", "SETS", "calibration_errors", "parted", "set_shares"]

PARTS = 5
Floats = NDArray[np.float64]
Link = Callable[[Floats], Floats]
"""From logits (n, labels) to probabilities (n, labels)."""


def parted(cases: Sequence[Case], seed: int) -> NDArray[np.intp]:
    """Return the part (n,) of each case, from 1 on, cut by patient."""
    return np.asarray(folds_by_group(cases, PARTS, seed), np.intp)


def calibration_errors(
    task: Task, cases: Sequence[Case], logits: Floats, wanted: Floats, weights: Floats, parts: NDArray[np.intp]
) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    """Yield (method, weighing, expected calibration error by question and source), of every method and weighing.

    `wanted` (n, labels) are the targets, `weights` those of `training.calibrate.source_weights`.
    """
    for method, fit in LINKS[task.exclusive].items():
        for weighing in ("cases as they are", "sources the same"):
            chosen = np.ones(weights.shape) if weighing == "cases as they are" else weights
            answers = np.zeros(logits.shape)
            for part in np.unique(parts):
                others = parts != part
                answers[~others] = fit(logits[others], wanted[others], chosen[others])(logits[~others])
            yield method, weighing, dict(_errors(task, cases, answers, wanted))


def set_shares(
    task: Task, cases: Sequence[Case], answers: Floats, parts: NDArray[np.intp]
) -> Iterator[tuple[str, str, str, int, Interval, float]]:
    """Yield (kind of sets, answer, source, cases, coverage, share of sets with one answer), cross-fitted.

    The interval of the coverage draws patients.

    `answers` are probabilities (n, labels), of one calibration for all parts: that of findings keeps their order, and
    that of exclusive labels is one temperature.
    """
    known = answers_of(task.label_names, exclusive=task.exclusive)
    truth = known_answers(known, cases, exclusive=task.exclusive)
    sources = np.asarray([case.source for case in cases], str)
    patients = np.asarray(group_ids(cases), np.intp)
    for kind, calibrate in SETS.items():
        inside = np.zeros(truth.shape, bool)
        for part in np.unique(parts):
            others = parts != part
            inside[~others] = calibrate(task, answers[others], truth[others], sources[others], patients[others])(
                answers[~others]
            )
        for column, (label, side) in enumerate(known):
            columns = [place for place, (name, _) in enumerate(known) if task.exclusive or name == label]
            for source in np.unique(sources[truth[:, column]]):
                rows = truth[:, column] & (sources == source)
                single = inside[rows][:, columns].sum(axis=1) == 1
                coverage = clustered_share_interval(inside[rows, column], patients[rows])
                yield kind, f"{label} {side}", source, int(rows.sum()), coverage, single.mean()


def _errors(task: Task, cases: Sequence[Case], answers: Floats, wanted: Floats) -> Iterator[tuple[str, float]]:
    sources = np.asarray([case.source for case in cases], str)
    if task.exclusive:
        known = wanted.sum(axis=1) == 1
        right = wanted[np.arange(len(answers)), answers.argmax(axis=1)]
        asked = {"likeliest label": (known, right, answers.max(axis=1))}
    else:
        asked = {
            name: (wanted[:, column] >= 0, wanted[:, column], answers[:, column])
            for column, name in enumerate(task.label_names)
        }
    for name, (told, truth, scores) in asked.items():
        for source in np.unique(sources[told]):
            rows = told & (sources == source)
            yield f"{name}, {source}", expected_calibration_error(truth[rows], np.clip(scores[rows], 0.0, 1.0))


def _as_they_are(logits: Floats, wanted: Floats, weights: Floats) -> Link:
    return lambda new: probabilities(new, 1.0, exclusive=False)


def _temperature(logits: Floats, wanted: Floats, weights: Floats) -> Link:
    found = fit_temperature(logits, wanted, exclusive=False, weights=weights)
    return lambda new: probabilities(new, found, exclusive=False)


def _platt(logits: Floats, wanted: Floats, weights: Floats) -> Link:
    temperature, bias = fit_platt(logits, wanted, weights)
    return lambda new: probabilities(new, temperature, bias, exclusive=False)


def _beta(logits: Floats, wanted: Floats, weights: Floats) -> Link:
    """Fit beta calibration: log-odds a ln p - b ln(1 - p) + c with a, b >= 0 (Kull et al. 2017)."""

    def odds(line: Floats, values: Floats) -> Floats:
        return np.exp(line[0]) * -np.logaddexp(0, -values) + np.exp(line[1]) * np.logaddexp(0, values) + line[2]

    def fitted(column: int) -> Floats:
        told = wanted[:, column] >= 0
        values, present, share = logits[told, column], wanted[told, column], weights[told, column]

        def loss(line: Floats) -> float:
            scaled = odds(line, values)
            return float(np.average(np.logaddexp(0, scaled) - present * scaled, weights=share))

        return np.asarray(minimize(loss, np.zeros(3), method="Nelder-Mead").x)

    lines = [fitted(column) for column in range(logits.shape[1])]
    return lambda new: probabilities(
        np.stack([odds(line, new[:, column]) for column, line in enumerate(lines)], axis=1), 1.0, exclusive=False
    )


def _softmax(logits: Floats, wanted: Floats, weights: Floats) -> Link:
    return lambda new: probabilities(new, 1.0, exclusive=True)


def _shared_temperature(logits: Floats, wanted: Floats, weights: Floats) -> Link:
    found = fit_temperature(logits, wanted, exclusive=True, weights=weights)
    return lambda new: probabilities(new, found, exclusive=True)


def _bias_by_label(logits: Floats, wanted: Floats, weights: Floats) -> Link:
    def shifted(line: Floats, values: Floats) -> Floats:
        return probabilities(values, float(np.exp(line[0])), [*line[1:], 0.0], exclusive=True)

    def loss(line: Floats) -> float:
        told = wanted.sum(axis=1) > 0
        likelihood = (shifted(line, logits[told]) * wanted[told]).sum(axis=1)
        return float(-np.average(np.log(np.clip(likelihood, 1e-12, 1.0)), weights=weights[told]))

    found = minimize(loss, np.zeros(logits.shape[1]), method="Nelder-Mead", options={"maxiter": 4000}).x
    return lambda new: shifted(found, new)


LINKS: Mapping[bool, Mapping[str, Callable[[Floats, Floats, Floats], Link]]] = MappingProxyType(
    {
        False: {"none": _as_they_are, "temperature": _temperature, "temperature and bias": _platt, "beta": _beta},
        True: {"none": _softmax, "temperature": _shared_temperature, "temperature and biases": _bias_by_label},
    }
)
"""The methods by whether labels are exclusive."""

_Inside = Callable[[Floats], NDArray[np.bool_]]


def _by_answer(
    task: Task, answers: Floats, truth: NDArray[np.bool_], sources: NDArray[np.str_], patients: NDArray[np.intp]
) -> _Inside:
    return _every_source(task, answers, truth, np.full(sources.shape, "all"), patients)


def _every_source(
    task: Task,
    answers: Floats,
    truth: NDArray[np.bool_],
    sources: NDArray[np.str_],
    patients: NDArray[np.intp],
    confidence: float = 0.0,
) -> _Inside:
    return ConformalSets.calibrated(
        task.label_names,
        answers,
        truth,
        sources.tolist(),
        exclusive=task.exclusive,
        patients=patients.tolist(),
        confidence=confidence,
    ).included


def _weighted(
    task: Task, answers: Floats, truth: NDArray[np.bool_], sources: NDArray[np.str_], patients: NDArray[np.intp]
) -> _Inside:
    """Make sets in which every source of an answer weighs the same (after Tibshirani et al. 2019), images apart."""
    scores = _scores(task, answers)

    def inside(new: Floats) -> NDArray[np.bool_]:
        columns = []
        for column, asked in enumerate(_scores(task, new).T):
            own, names = scores[truth[:, column], column], sources[truth[:, column]]
            share = 1 / np.unique(names, return_counts=True)[1][np.unique(names, return_inverse=True)[1]]
            one = 1 / max(own.size, 1)  # the new case weighs as a calibration case does in the mean
            below = (own[np.newaxis] <= asked[:, np.newaxis]) @ (share / share.sum())
            columns.append((below + one) / (1 + one) > 1 - COVERAGE)
        return np.stack(columns, axis=1)

    return inside


def _scores(task: Task, answers: Floats) -> Floats:
    if task.exclusive:
        return answers
    return np.stack([1 - answers, answers], axis=2).reshape(len(answers), -1)


_Calibrate = Callable[[Task, Floats, NDArray[np.bool_], NDArray[np.str_], NDArray[np.intp]], _Inside]

SETS: Mapping[str, _Calibrate] = MappingProxyType(
    {
        "by answer": _by_answer,
        "sources the same": _weighted,
        "every source": _every_source,
        **{
            f"every source, confidence {confidence:g}": partial(_every_source, confidence=confidence)
            for confidence in (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)
        },
    }
)
"""The kinds of sets that are compared; those of every source are shipped, with the confidence of the experiment."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    answers = parser.add_mutually_exclusive_group(required=True)
    answers.add_argument("--without-fold", type=int)
    answers.add_argument("--bundle", help="An installed one of this experiment, calibrated on the validation split.")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _validation_answers(
    experiment: Experiment, manifest: Manifest, folder: Path, cache: Path
) -> tuple[tuple[Case, ...], NDArray[np.float32]]:
    """Return the validation cases of an experiment, and a bundle's logits (n, labels) of them."""
    used = experiment.part(manifest)
    cases = tuple(case for case in used.cases if case.split == "validation")
    engine = Engine.open(folder)
    return cases, engine.logits(cached_grey_levels(used, cases, engine.bundle.preprocessing, cache))


def main() -> None:
    """Print both tables as Markdown."""
    asked = _arguments()
    experiment = load_experiment(asked.experiment).with_fixed_schedule()  # as a cross-validation trains
    manifest = open_collection(asked.data, experiment.task)
    task = experiment.part(manifest).task
    if asked.bundle:
        folder = bundle_folder(asked.bundle)
        cases, logits = _validation_answers(experiment, manifest, folder, asked.runs / "cache")
    else:
        cases, logits = calibration_answers(finished_folds(experiment, manifest, asked.runs), asked.without_fold)
    parts, wanted = parted(cases, asked.seed), targets(cases, task).astype(np.float64)
    patients = len(set(group_ids(cases)))
    print(
        f"{asked.experiment}: {len(cases)} answers to {patients} patients or groups, {PARTS} parts, seed {asked.seed}\n"
    )
    rows = list(calibration_errors(task, cases, logits.astype(np.float64), wanted, source_weights(task, cases), parts))
    names = list(rows[0][2])
    print(f"| method | weighing | {' | '.join(names)} | mean |\n|{'---|' * (len(names) + 3)}")
    for method, weighing, errors in rows:
        figures = [*errors.values(), float(np.mean(list(errors.values())))]
        print(f"| {method} | {weighing} | {' | '.join(f'{value:.3f}' for value in figures)} |")
    print("\n| sets | answer | source | cases | coverage | one answer |\n|---|---|---|---|---|---|")
    answers = operating_point(task, cases, logits).probabilities(logits)
    for kind, answer, source, count, coverage, single in set_shares(task, cases, answers, parts):
        told = f"{coverage.estimate:.3f} ({coverage.low:.3f} to {coverage.high:.3f})"
        print(f"| {kind} | {answer} | {source} | {count} | {told} | {single:.3f} |")


if __name__ == "__main__":
    main()
