"""The most confident wrong answers."""

from __future__ import annotations

from radiolens.validation.largest_errors import LargestError, largest_errors
from radiolens.validation.questions import questions
from tests.validation.scored_cases import CHEST, THRESHOLDS, chest

SCORED = chest(160)
FOUND = largest_errors(questions(CHEST, SCORED, THRESHOLDS), SCORED.cases)


def wrong(question: str, *, truth: bool) -> list[tuple[float, str]]:
    """Return (probability, path) of every wrong answer of a kind."""
    column = CHEST.label_names.index(question)
    return [
        (float(row[column]), case.path)
        for case, row in zip(SCORED.cases, SCORED.probabilities, strict=True)
        if case.labels[question] == int(truth) and (row[column] >= THRESHOLDS[question]) != truth
    ]


def test_they_are_the_furthest_from_the_truth() -> None:
    for question in CHEST.label_names:
        for truth in (True, False):
            expected = sorted(wrong(question, truth=truth), reverse=not truth)[:5]
            found = [(error.score, error.path) for error in FOUND if (error.question, error.truth) == (question, truth)]
            assert found == expected


def test_each_tells_its_question_source_and_threshold() -> None:
    paths = {case.path: case for case in SCORED.cases}
    assert FOUND
    for error in FOUND:
        assert paths[error.path].source == error.source
        assert error.threshold == THRESHOLDS[error.question]


def test_only_single_sources_are_asked_and_no_more_than_wanted() -> None:
    found = largest_errors(questions(CHEST, SCORED, THRESHOLDS), SCORED.cases, most=1)
    assert {error.source for error in found} == {"adults", "children"}
    assert len(found) == len({(error.question, error.source, error.truth) for error in found})
    assert isinstance(found[0], LargestError)
