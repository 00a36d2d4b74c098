"""What border and brightness numbers alone tell about classes and sources: the control of evaluation, on a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.data.audit.balance import truth
from radiolens.data.audit.report import Shortcut
from radiolens.data.case import Case
from radiolens.evaluation.controls import out_of_fold_scores
from radiolens.evaluation.intervals import Interval, clustered_intervals
from radiolens.evaluation.weighted import weighted_auroc
from radiolens.task import Task

__all__ = ["STRONG", "WEAK", "shortcuts"]

WEAK, STRONG = 0.6, 0.75
"""Lower ends of the interval from which a shortcut is named, and named strong. 0.5 is chance; the sets of this project
that are known to betray their labels have 0.80 to 0.96."""

_FEWEST = 20  # images of each side; with fewer the interval says nothing
_MOST = 3000  # images of a question: the interval is then within 0.02, and the forests take seconds
_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class _Question:
    """Which images (n,) are asked about, by their places, and the answer of each."""

    about: str
    name: str
    within: str
    rows: NDArray[np.intp]
    answers: NDArray[np.bool_]


def shortcuts(
    task: Task,
    cases: Sequence[Case],
    borders: NDArray[np.float64],
    groups: Sequence[int],
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Shortcut, ...]:
    """Return for every class (on all images, and within each source) and every source how well the control tells it.

    `borders` (n, 12) are the features of `evaluation.controls`; `groups` keep patients and copies on one side of the
    cross-validation. Of more than 3,000 images a random part is taken.
    """
    asked = [question for question in _questions(task, cases) if _judgeable(question)]
    found = []
    for number, question in enumerate(asked, 1):
        found.append(_judge(_sampled(question, seed), borders, np.asarray(groups), seed))
        progress(number, len(asked))
    return tuple(found)


def _questions(task: Task, cases: Sequence[Case]) -> Iterator[_Question]:
    sources = sorted({case.source for case in cases})
    for label in task.label_names:
        answers = [truth(case, label, task) for case in cases]
        yield _question("class", label, "", answers)
        for source in sources if len(sources) > 1 else ():
            own = [answer if case.source == source else None for case, answer in zip(cases, answers, strict=True)]
            yield _question("class", label, source, own)
    for source in sources if len(sources) > 1 else ():
        yield _question("source", source, "", [case.source == source for case in cases])


def _question(about: str, name: str, within: str, answers: Sequence[bool | None]) -> _Question:
    rows = np.asarray([index for index, answer in enumerate(answers) if answer is not None], np.intp)
    return _Question(about, name, within, rows, np.asarray([answers[row] for row in rows], np.bool_))


def _judgeable(question: _Question) -> bool:
    positives = int(question.answers.sum())
    return min(positives, question.answers.size - positives) >= _FEWEST


def _sampled(question: _Question, seed: int) -> _Question:
    if len(question.rows) <= _MOST:
        return question
    drawn = np.sort(np.random.default_rng(seed).permutation(len(question.rows))[:_MOST])
    return _Question(question.about, question.name, question.within, question.rows[drawn], question.answers[drawn])


def _judge(question: _Question, borders: NDArray[np.float64], groups: NDArray[np.intp], seed: int) -> Shortcut:
    own = groups[question.rows]
    scores = out_of_fold_scores(borders[question.rows], question.answers, own, seed)
    random = np.random.default_rng(seed)
    if np.isnan(scores).any():
        interval = Interval(np.nan, np.nan, np.nan, np.nan, "too few groups")
    else:
        statistic = weighted_auroc(question.answers, scores)
        interval = clustered_intervals({"auroc": statistic}, own, random, _RESAMPLES)["auroc"]
    positives = int(question.answers.sum())
    return Shortcut(
        about=question.about,
        question=question.name,
        within=question.within,
        positives=positives,
        negatives=question.answers.size - positives,
        groups=len(np.unique(own)),
        auroc=interval,
        verdict=_verdict(question.about, interval),
    )


def _verdict(about: str, interval: Interval) -> str:
    if np.isnan(interval.estimate):
        return "Too few patients or groups of one side to tell."
    if interval.low < WEAK:
        return "Borders and brightness tell little."
    strength = "strong" if interval.low >= STRONG else "moderate"
    if about == "source":
        return (
            f"A {strength} shortcut: the source shows in borders and brightness. Where sources differ in their labels, "
            "a network can learn the source instead of the disease."
        )
    return (
        f"A {strength} shortcut: a network can reach this without seeing any anatomy. Judge it against this figure, "
        "not against 0.5, and test it on another source."
    )
