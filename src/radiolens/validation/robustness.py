"""Robustness curves: what becomes of a bundle's answers when its images get worse, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Manifest
from radiolens.data.splits import group_ids
from radiolens.evaluation.intervals import Interval, clustered_share_interval
from radiolens.image import Unit
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.inference.engine import Engine
from radiolens.task import Task
from radiolens.validation.corruptions import CORRUPTIONS, Corruption
from radiolens.validation.grouped_intervals import Discrimination, grouped_discrimination
from radiolens.validation.pieces import digest, kept
from radiolens.validation.plan import Plan
from radiolens.validation.questions import ALL_SOURCES, Question, Scored, questions
from radiolens.validation.sampling import stratified_sample

__all__ = ["MOST_CASES", "Level", "Robustness", "robustness"]

MOST_CASES = 500
"""33 runs of each take about three minutes; shares are then known to 4 %, their change with corruption much better."""

_Condition = tuple[Corruption | None, float]
"""What was done to the images, and how strongly."""

_UNCHANGED: _Condition = (None, 0.0)


@dataclass(frozen=True)
class Level:
    """One question on images that were all changed by `value`, in the unit of the curve.

    `auroc_change` is the AUROC less that of the unchanged images, on the same cases. `sensitivity` and `specificity`
    are at the bundle's threshold; `changed` is the share of decisions that differ from those on the unchanged images.
    What too few cases tell is nan.
    """

    value: float
    auroc: Interval
    auroc_change: Interval
    sensitivity: Interval
    specificity: Interval
    changed: Interval


@dataclass(frozen=True)
class Robustness:
    """One curve: one question and one way in which images get worse.

    `corruption` is its name, for instance "noise"; `unit` says what the values are. `levels` begin with the unchanged
    images, at the value where the change does nothing. All are of the same `positives` + `negatives` cases, of
    `patients` groups, drawn with every source and answer alike: compare levels, not this sample with the whole test.
    """

    question: str
    corruption: str
    unit: str
    threshold: float
    positives: int
    negatives: int
    patients: int
    levels: tuple[Level, ...]


def robustness(
    engine: Engine,
    manifest: Manifest,
    scored: Scored,
    cache: Path,
    plan: Plan,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    most_cases: int = MOST_CASES,
) -> tuple[Robustness, ...]:
    """Return a curve for each question and corruption, on at most `most_cases` of the scored cases.

    Cases are drawn by the plan's seed, from every source and answer as many as there are of the smallest, as far as
    that goes. What is changed are the grey levels of the network's size (of a volume its middle slice), which are then
    brought to the bundle's percentiles again, as serving does with a changed image. Questions are asked of all sources
    together; an exclusive task is also asked for each type, of the cases that have one known label.

    The answers to each corruption and strength are kept in `cache`; a kill loses one of them.
    """
    chosen = stratified_sample(scored.cases, most_cases, np.random.default_rng(plan.seed))
    cases, grey = tuple(scored.cases[row] for row in chosen), scored.grey[chosen]
    conditions = (_UNCHANGED, *((change, strength) for change in CORRUPTIONS for strength in change.strengths))
    key = [engine.installed.sha256, digest(grey), plan.seed]
    asked = []
    for number, (change, strength) in enumerate(conditions):
        named = ["robustness", change.name if change else "", strength, *key]
        answers = kept(cache, named, partial(_answers, engine, grey, change, strength, plan.seed))
        worsened = Scored(cases, _in_order(engine, manifest, answers), grey)
        asked.append(tuple(_questions(engine, manifest.task, worsened)))
        progress("Worsening images", number + 1, len(conditions))
    return tuple(_curves(asked, conditions, plan, progress))


def _curves(
    asked: Sequence[Sequence[Question]],
    conditions: Sequence[_Condition],
    plan: Plan,
    progress: Callable[[str, int, int], None],
) -> Iterator[Robustness]:
    """Yield the curves of each question, asked in each of the conditions; the first is that of unchanged images."""
    count = len(asked[0])
    for number, before in enumerate(asked[0]):
        after = {condition: questions[number] for condition, questions in zip(conditions, asked, strict=True)}
        scores = {condition: question.scores for condition, question in after.items()}
        told = grouped_discrimination(before.truth, scores, before.scores, before.groups, plan)
        levels = {each: _level(each, question, before, told[each]) for each, question in after.items()}
        progress("Measuring worsened images", number + 1, count)
        for change in CORRUPTIONS:
            yield Robustness(
                question=before.name,
                corruption=change.name,
                unit=change.unit,
                threshold=before.threshold,
                positives=int(before.truth.sum()),
                negatives=int((~before.truth).sum()),
                patients=len(np.unique(before.groups)),
                levels=(
                    replace(levels[_UNCHANGED], value=change.unchanged),
                    *(levels[change, strength] for strength in change.strengths),
                ),
            )


def _level(condition: _Condition, after: Question, before: Question, told: Discrimination) -> Level:
    truth, groups = before.truth, before.groups
    return Level(
        value=condition[1],
        auroc=told.auroc,
        auroc_change=told.change,
        sensitivity=clustered_share_interval(after.called[truth], groups[truth]),
        specificity=clustered_share_interval(~after.called[~truth], groups[~truth]),
        changed=clustered_share_interval(after.called != before.called, groups),
    )


def _answers(
    engine: Engine, grey: NDArray[np.uint8], change: Corruption | None, strength: float, seed: int
) -> NDArray[np.float64]:
    """Return the probabilities (n, the bundle's labels) for changed pictures."""
    changed = grey if change is None else _changed(grey, change, strength, seed, engine.bundle.preprocessing)
    return engine.probabilities(engine.logits(changed))


def _changed(
    grey: NDArray[np.uint8], change: Corruption, strength: float, seed: int, preprocessing: Preprocessing
) -> NDArray[np.uint8]:
    pictures = [
        change.change(picture, strength, np.random.default_rng((seed, number))) for number, picture in enumerate(grey)
    ]
    return np.stack(
        [grey_levels(picture.astype(np.float32), Unit.UNIT_INTERVAL, preprocessing) for picture in pictures]
    )


def _in_order(engine: Engine, manifest: Manifest, answers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bundle's answers in the order of the task's labels; nan where the bundle does not know the label."""
    ordered = np.full((len(answers), len(manifest.task.label_names)), np.nan)
    for column, name in enumerate(manifest.task.label_names):
        if name in engine.bundle.labels:
            ordered[:, column] = answers[:, engine.bundle.labels.index(name)]
    return ordered


def _questions(engine: Engine, task: Task, scored: Scored) -> Iterator[Question]:
    """Yield the questions on all sources together, and of an exclusive task those for each type."""
    found: dict[str, Question] = {}
    for question in questions(task, scored, engine.bundle.thresholds):
        found.setdefault(question.name, question)  # the first is the one on all cases
    yield from found.values()
    if task.exclusive:
        yield from _types(engine, task, scored)


def _types(engine: Engine, task: Task, scored: Scored) -> Iterator[Question]:
    """Yield one question for each abnormal label against the others, on the cases of one known label."""
    rows = np.flatnonzero([len(case.possible) == 1 for case in scored.cases])
    groups = np.asarray(group_ids(scored.cases), np.intp)[rows]
    probabilities = scored.probabilities[rows]
    for column, label in enumerate(task.labels):
        if not label.normal:
            threshold, scores = engine.bundle.thresholds[label.name], probabilities[:, column]
            called = (probabilities.argmax(axis=1) == column) & (scores >= threshold)
            answers = np.asarray([scored.cases[row].possible == {label.name} for row in rows], bool)
            yield Question(label.name, ALL_SOURCES, threshold, rows, answers, scores, called, groups)
