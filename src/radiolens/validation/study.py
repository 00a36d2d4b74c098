"""Scores cases and measures the result, overall and per source, with intervals and the control beside every AUROC."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.data.splits import group_ids
from radiolens.evaluation.calibration import brier_score, expected_calibration_error
from radiolens.evaluation.controls import border_brightness_features, out_of_fold_scores
from radiolens.evaluation.discrimination import auroc, confusion, macro_f1
from radiolens.evaluation.intervals import Interval, auroc_interval, clustered_bootstrap_interval, share_interval
from radiolens.task import Task

__all__ = ["Binary", "Scored", "Study", "Types", "measure", "write_study"]

_SEED = 0
_ALL = "all"
_FEWEST = 10  # of each class: below it an interval says nothing


@dataclass(frozen=True, eq=False)
class Scored:
    """Cases, their probabilities (n, labels) and their grey levels (n, rows, columns)."""

    cases: tuple[Case, ...]
    probabilities: NDArray[np.float64]
    grey: NDArray[np.uint8]


@dataclass(frozen=True)
class Binary:
    """One yes-no question on one source; `control_auroc` is what border and brightness alone reach on it."""

    question: str
    source: str
    positives: int
    negatives: int
    auroc: Interval
    auroc_clustered: Interval
    control_auroc: Interval
    sensitivity: Interval
    specificity: Interval
    ppv: float
    npv: float
    f1: float
    balanced_accuracy: float
    brier_score: float
    expected_calibration_error: float


@dataclass(frozen=True)
class Types:
    """Naming one of several exclusive types on one source.

    `confusion` has a row per truth and a column per answer, the last for "no tumour".
    """

    source: str
    labels: tuple[str, ...]
    cases: int
    macro_f1: Interval
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Study:
    """What was measured; `settings` holds the seed, split, bundle and command."""

    settings: Mapping[str, object]
    binary: tuple[Binary, ...]
    types: tuple[Types, ...]


def measure(task: Task, scored: Scored, thresholds: Mapping[str, float], settings: Mapping[str, object]) -> Study:
    """Measure every question of a task on all cases and on each source."""
    sources = sorted({case.source for case in scored.cases})
    parts = [_ALL, *sources] if len(sources) > 1 else sources
    questions = list(_questions(task, scored, thresholds))
    binary = [result for part in parts for question in questions for result in _binary(scored, part, *question)]
    types = [result for part in parts for result in _types(task, scored, part)] if task.exclusive else []
    return Study({**settings, "seed": _SEED}, tuple(binary), tuple(types))


def write_study(study: Study, folder: Path) -> Path:
    """Write evaluation.json and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "evaluation.json"
    file.write_text(json.dumps(asdict(study), indent=1) + "\n", encoding="utf-8")
    return file


Question = tuple[str, NDArray[np.int8], NDArray[np.float64], float]


def _questions(task: Task, scored: Scored, thresholds: Mapping[str, float]) -> Iterator[Question]:
    """Yield (name, truth 1/0/-1 not annotated, score, threshold)."""
    columns = {name: scored.probabilities[:, column] for column, name in enumerate(task.label_names)}
    if task.exclusive:
        abnormal = frozenset(label.name for label in task.labels if not label.normal)
        truth = [_side(case.possible, abnormal) for case in scored.cases]
        yield (
            "any tumour",
            np.asarray(truth, np.int8),
            np.sum([columns[name] for name in sorted(abnormal)], axis=0),
            0.5,
        )
        return
    for name in task.label_names:
        values = [case.labels.get(name) for case in scored.cases]
        truth = [-1 if value is None else value for value in values]
        yield name, np.asarray(truth, np.int8), columns[name], thresholds[name]


def _side(possible: frozenset[str], abnormal: frozenset[str]) -> int:
    if not possible or (possible & abnormal and possible - abnormal):
        return -1
    return int(bool(possible & abnormal))


def _binary(
    scored: Scored, source: str, name: str, truth: NDArray[np.int8], scores: NDArray[np.float64], threshold: float
) -> Iterator[Binary]:
    used = np.flatnonzero((truth >= 0) & _of_source(scored.cases, source))
    true, score = truth[used] == 1, scores[used]
    if min(np.count_nonzero(true), np.count_nonzero(~true)) < _FEWEST:
        return
    groups = np.asarray(group_ids([scored.cases[index] for index in used]))
    counts = confusion(true, score >= threshold)
    control = out_of_fold_scores(border_brightness_features(scored.grey[used]), true, groups, _SEED)
    yield Binary(
        question=name,
        source=source,
        positives=int(true.sum()),
        negatives=int((~true).sum()),
        auroc=auroc_interval(true, score),
        auroc_clustered=clustered_bootstrap_interval(auroc, [true, score], groups, np.random.default_rng(_SEED)),
        control_auroc=auroc_interval(true, control),
        sensitivity=share_interval(counts.true_positives, int(true.sum())),
        specificity=share_interval(counts.true_negatives, int((~true).sum())),
        ppv=counts.ppv,
        npv=counts.npv,
        f1=counts.f1,
        balanced_accuracy=counts.balanced_accuracy,
        brier_score=brier_score(true, score),
        expected_calibration_error=expected_calibration_error(true, score),
    )


def _types(task: Task, scored: Scored, source: str) -> Iterator[Types]:
    """Judge the abnormal types among cases whose type is known: "no tumour" is a wrong answer."""
    columns = [column for column, label in enumerate(task.labels) if not label.normal]
    names = tuple(task.labels[column].name for column in columns)
    mask = _of_source(scored.cases, source)
    used = [
        i for i, case in enumerate(scored.cases) if mask[i] and len(case.possible) == 1 and case.possible <= set(names)
    ]
    if len(used) < _FEWEST:
        return
    truth = np.asarray([names.index(next(iter(scored.cases[index].possible))) for index in used])
    everything = scored.probabilities[used].argmax(axis=1)
    calls = np.asarray([columns.index(call) if call in columns else -1 for call in everything])
    groups = np.asarray(group_ids([scored.cases[index] for index in used]))
    yield Types(
        source=source,
        labels=names,
        cases=len(used),
        macro_f1=clustered_bootstrap_interval(
            partial(macro_f1, classes=range(len(names))), [truth, calls], groups, np.random.default_rng(_SEED)
        ),
        confusion=tuple(
            tuple(int(((truth == true) & (calls == call)).sum()) for call in (*range(len(names)), -1))
            for true in range(len(names))
        ),
    )


def _of_source(cases: Sequence[Case], source: str) -> NDArray[np.bool_]:
    return np.asarray([source in (_ALL, case.source) for case in cases])
