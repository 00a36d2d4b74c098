"""What is known to be true of a case: not annotated is not absent, and several possible labels are no answer."""

from __future__ import annotations

from radiolens.data.known_answers import known_answers
from radiolens.data.manifest import Case
from radiolens.evaluation.conformal import answers_of


def test_a_finding_is_known_to_be_absent_or_present_or_not_known() -> None:
    answers = answers_of(("pneumonia", "tuberculosis"), exclusive=False)
    cases = [
        Case("a", "clinic", labels={"pneumonia": 1, "tuberculosis": 0}),
        Case("b", "clinic", labels={"pneumonia": 0, "tuberculosis": None}),
        Case("c", "clinic"),
    ]
    assert known_answers(answers, cases, exclusive=False).tolist() == [
        [False, True, True, False],
        [True, False, False, False],
        [False] * 4,
    ]


def test_an_exclusive_label_is_known_where_no_other_is_possible() -> None:
    answers = answers_of(("glioma", "meningioma", "no_tumour"), exclusive=True)
    possible = [{"meningioma"}, {"glioma", "meningioma"}, set[str]()]
    cases = [Case(str(number), "web", possible=frozenset(names)) for number, names in enumerate(possible)]
    assert known_answers(answers, cases, exclusive=True).tolist() == [[False, True, False], [False] * 3, [False] * 3]


def test_no_cases_have_no_answers() -> None:
    assert known_answers(answers_of(("pneumonia",), exclusive=False), [], exclusive=False).shape == (0, 2)
