"""Prediction sets: which answers an image leaves open; numpy only, since serving uses it.

Inductive conformal prediction, calibrated apart for each answer (Vovk et al. 2005, Algorithmic Learning in a Random
World, 4.5; Vovk 2012, arXiv:1209.2673). The conformity of an answer is the probability that the network gives it. An
answer is left out only where so low a probability is rare among calibration cases of which it is true.

Images of one patient are not exchangeable with those of another, patients are. So patients count, and the images of one
share its weight (hierarchical conformal prediction, Lee, Barber & Willett 2023, arXiv:2306.06342). With one image of
each patient this is plain conformal prediction.

What such sets promise holds in the mean of all draws of calibration cases; with few of them a draw may fall short. With
a confidence the promise holds for so large a share of the draws (Vovk 2012, training conditional validity).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.link import Floats
from radiolens.prediction import Presence

__all__ = [
    "COVERAGE",
    "LARGE_SOURCE",
    "WHOLE_SOURCE",
    "Answer",
    "ConformalSets",
    "Scores",
    "answers_of",
    "highest_left_out",
    "p_values",
]

COVERAGE = 0.9
"""The share of cases whose set shall hold the true answer."""

LARGE_SOURCE = 100
"""Cases of an answer from which on a source has a say of its own: its 90 % are then known to some 3 % (one standard
error), while a handful of cases would keep an answer in every set."""

WHOLE_SOURCE = 20
"""The same where a source has as many cases of every answer of the question, so that it is one in which the question
is asked: known to 7 %, and no longer by the lowest score alone."""

_ROUNDING = 1e-9
"""A p-value of exactly 1 less the coverage is not above it, which products of binary fractions may blur."""

Answer = tuple[str, Presence]
"""A label, and whether it is present or absent."""


def p_values(calibration: ArrayLike, scores: ArrayLike, patients: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return for each of `scores` (n,) the share of patients whose calibration scores (m,) are no higher, itself in it.

    `patients` (m,) are numbers; of a patient with several scores the share of those that are no higher counts. Without
    them each score is of a patient of its own. The result is above 0 and at most 1, and 1 without calibration scores.
    For an image of a new patient it is at most p with a probability of at most p (Vovk et al. 2005, 2.5; by patient Lee
    et al. 2023, section 3), which is why the score itself is counted.
    """
    known = np.asarray(calibration, np.float64)
    numbers = np.arange(known.size) if patients is None else np.asarray(patients, np.intp)
    return Scores(known, numbers).p_values(scores)


def highest_left_out(patients: int, coverage: float, confidence: float) -> float:
    """Return the highest p-value at which an answer may be left out of sets that are calibrated on so many patients.

    At most 1 - `coverage`, with which the sets hold the truth so often in the mean of all draws of the patients. With a
    `confidence` above 0, up to 1, it is k / (patients + 1) for the most k of which at least k patients lie in the share
    1 - `coverage` of the lowest scores in so many of the draws (Vovk 2012, training conditional validity): then the
    sets hold the truth so often in that share of the draws. That is of patients with one image each.
    """
    risk = 1 - coverage
    if confidence <= 0 or risk <= 0:
        return risk
    counts = np.arange(patients + 1)  # of a binomial, which scipy has; serving does without scipy
    factorials = np.concatenate([[0.0], np.log(counts[1:]).cumsum()])
    chosen = factorials[-1] - factorials - factorials[::-1]
    fewer = np.exp(chosen + counts * np.log(risk) + counts[::-1] * np.log(coverage)).cumsum()  # at most that many
    return min(risk, int((fewer <= 1 - confidence).sum()) / (patients + 1))


def answers_of(labels: Sequence[str], *, exclusive: bool) -> tuple[Answer, ...]:
    """Return the answers that a set may hold: of exclusive labels each one, of a finding that it is absent or present.

    They stand in the order of the labels.
    """
    sides = (Presence.PRESENT,) if exclusive else (Presence.ABSENT, Presence.PRESENT)
    return tuple((label, side) for label in labels for side in sides)


@dataclass(frozen=True, eq=False)
class Scores:
    """Calibration scores of one answer and source: `values` (n,) from 0 to 1, and `patients` (n,), numbers."""

    values: NDArray[np.float64]
    patients: NDArray[np.intp]

    @property
    def size(self) -> int:
        """Return the number of scores."""
        return self.values.size

    @property
    def patient_count(self) -> int:
        """Return the number of patients."""
        return np.unique(self.patients).size

    def p_values(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return the p-value of each of `scores` (n,); see the function `p_values`."""
        values, weights = self._ascending
        below = weights[np.searchsorted(values, np.asarray(scores, np.float64), side="right")]
        return np.asarray((below + 1) / (weights[-1] + 1), np.float64)

    @cached_property
    def _ascending(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the scores in their order, and the patients (n + 1,) below each place between them."""
        order = np.argsort(self.values, kind="stable")
        numbers, counts = np.unique(self.patients, return_inverse=True, return_counts=True)[1:]
        weights = 1.0 / counts[numbers]
        return self.values[order], np.concatenate([[0.0], weights[order].cumsum()])


@dataclass(frozen=True, eq=False)
class ConformalSets:
    """What makes prediction sets: the scores of calibration cases, by the answer that was true of them and by source.

    A score is the probability (0 to 1) that the network gave to that answer: of an absent finding 1 less its
    probability. An answer belongs to a set if its p-value exceeds 1 - `coverage` among all cases of the answer, or
    among those of any source that has a say: at least LARGE_SOURCE of them, or WHOLE_SOURCE of every answer of the
    question. So the sets hold the true answer as often as `coverage` says in the mix of sources, and in each of those,
    too. An answer without scores is in every set. A `confidence` above 0 lowers the p-value at which an answer is left
    out, so that this holds for so many of the draws of calibration cases, not only in their mean (`highest_left_out`).
    """

    coverage: float
    exclusive: bool
    scores: Mapping[Answer, Mapping[str, Scores]]
    confidence: float = 0.0

    @classmethod
    def calibrated(
        cls,
        labels: Sequence[str],
        probabilities: Floats,
        truth: NDArray[np.bool_],
        sources: Sequence[str],
        *,
        exclusive: bool,
        patients: Sequence[int] | None = None,
        coverage: float = COVERAGE,
        confidence: float = 0.0,
    ) -> ConformalSets:
        """Keep the scores of cases with known answers.

        `probabilities` are (n, labels), `truth` (n, answers) in the order of `answers_of`: true where a case is known
        to have the answer. `patients` (n,) are numbers; without them each case is of a patient of its own. Raises
        ValueError if the shapes do not fit.
        """
        answers = answers_of(labels, exclusive=exclusive)
        scores = _answer_scores(np.asarray(probabilities, np.float64), exclusive=exclusive)
        if scores.shape != truth.shape or truth.shape != (len(sources), len(answers)):
            raise ValueError(
                f"expected {len(answers)} answers of {len(sources)} cases, found {scores.shape} scores and "
                f"{truth.shape} truths"
            )
        names = np.asarray(sources, str)
        numbers = np.arange(len(names)) if patients is None else np.asarray(patients, np.intp)
        return cls(
            coverage,
            exclusive,
            {
                answer: {
                    str(source): Scores(scores[rows, column], numbers[rows])
                    for source in np.unique(names[truth[:, column]])
                    for rows in (truth[:, column] & (names == source),)
                }
                for column, answer in enumerate(answers)
            },
            confidence,
        )

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Return the answers in the order of the columns of `p_values` and `included`."""
        return tuple(self.scores)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels in the order of the columns of probabilities."""
        return tuple(dict.fromkeys(label for label, _ in self.scores))

    def p_values(self, probabilities: Floats) -> NDArray[np.float64]:
        """Return the p-value of each answer (n, answers) for probabilities (n, labels) in the order of the labels.

        It is the highest of those among all cases and in each source that has a say.
        """
        columns = [np.max(values, axis=0) for values in self._p_values_by_part(probabilities)]
        return np.stack(columns, axis=1)

    def included(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Return which answers (n, answers) the set of each case holds, for probabilities (n, labels)."""
        columns = [
            (values > levels[:, np.newaxis] + _ROUNDING).any(axis=0)
            for values, levels in zip(self._p_values_by_part(probabilities), self._levels, strict=True)
        ]
        return np.stack(columns, axis=1)

    def possible(self, probabilities: Mapping[str, float]) -> Mapping[str, frozenset[Presence]]:
        """Return which decisions the set of one image leaves open for each label, as `prediction.decide` takes them.

        Raises KeyError if a label has no probability.
        """
        return self.left_open(self.included(np.asarray([[probabilities[label] for label in self.labels]]))[0])

    def left_open(self, row: NDArray[np.bool_]) -> Mapping[str, frozenset[Presence]]:
        """Return which decisions a set leaves open for each label; `row` (answers,) is one of `included`."""
        labels = self.labels
        held = [answer for answer, inside in zip(self.answers, row, strict=True) if inside]
        if not self.exclusive:
            return {label: frozenset(side for name, side in held if name == label) for label in labels}
        members = {label for label, _ in held}
        return {label: _of_exclusive(label, members) for label in labels}

    def _p_values_by_part(self, probabilities: Floats) -> list[NDArray[np.float64]]:
        """Return for each answer the p-values (parts, n) among all its cases and in each source that has a say."""
        scores = _answer_scores(np.asarray(probabilities, np.float64), exclusive=self.exclusive)
        return [
            np.stack([part.p_values(scores[:, column]) for part in parts])
            for column, parts in enumerate(self._having_a_say)
        ]

    @cached_property
    def _levels(self) -> tuple[NDArray[np.float64], ...]:
        """Return for each answer the highest p-value (parts,) at which it is left out."""
        return tuple(
            np.asarray([highest_left_out(part.patient_count, self.coverage, self.confidence) for part in parts])
            for parts in self._having_a_say
        )

    @cached_property
    def _having_a_say(self) -> tuple[Sequence[Scores], ...]:
        return tuple(map(self._parts, self.answers))

    def _parts(self, answer: Answer) -> list[Scores]:
        """Return the calibration scores that each have a say: of all cases, and of sources with enough of them."""
        question = [each for each in self.answers if self.exclusive or each[0] == answer[0]]
        own = self.scores[answer]
        fewest = {source: min(_count(self.scores[each], source) for each in question) for source in own}
        sources = [name for name in own if own[name].size >= LARGE_SOURCE or fewest[name] >= WHOLE_SOURCE]
        return [_joined(list(own.values())), *(own[name] for name in sources)]


def _joined(parts: Sequence[Scores]) -> Scores:
    values = np.concatenate([np.empty(0), *(part.values for part in parts)])
    return Scores(values, np.concatenate([np.empty(0, np.intp), *(part.patients for part in parts)]))


def _count(by_source: Mapping[str, Scores], source: str) -> int:
    return by_source[source].size if source in by_source else 0


def _of_exclusive(label: str, members: set[str]) -> frozenset[Presence]:
    """Return what a set of exclusive labels says of one of them: one alone must hold, an empty set says nothing."""
    said = {Presence.PRESENT} if label in members else set()
    return frozenset(said | ({Presence.ABSENT} if members - {label} else set()))


def _answer_scores(probabilities: NDArray[np.float64], *, exclusive: bool) -> NDArray[np.float64]:
    """Return the probability of each answer (n, answers)."""
    if exclusive:
        return probabilities
    both = np.stack([1.0 - probabilities, probabilities], axis=2)
    return both.reshape(len(both), 2 * both.shape[1])
