"""Figures are worded once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from radiolens.errors import BundleError
from radiolens.validation.documents.author_notes import author_notes, card_notes
from radiolens.validation.documents.figures import SECTIONS, evaluations, interval, number, plot_name, table

EMPTY = json.dumps({"settings": {}, "binary": []})


@pytest.mark.parametrize(
    ("value", "expected"), [(0.87651, "0.877"), (1.0, "1.000"), (-0.0001, "0.000"), (-0.25, "-0.250"), (None, "-")]
)
def test_a_number_has_three_decimals_and_no_negative_zero(value: float | None, expected: str) -> None:
    assert number(value) == expected


def test_an_interval_that_is_not_defined_is_a_dash() -> None:
    assert interval({"estimate": 0.5, "low": 0.25, "high": 0.75}) == "0.500 (0.250 to 0.750)"
    assert interval({"estimate": None, "low": None, "high": None}) == "-"
    assert interval(None) == "-"


def test_a_cell_cannot_break_its_table() -> None:
    assert table(("a",), [("x|y\nz",)]) == ["| a |", "| --- |", "| x\\|y z |"]


def test_a_plot_is_named_by_its_question() -> None:
    assert plot_name("roc", "any finding/../x") == "roc-any-finding-x.svg"


def test_the_evaluation_of_the_folder_comes_first_and_unfinished_work_is_none(tmp_path: Path) -> None:
    for place in ("a-fold", "work", "."):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "evaluation.json").write_text("{" if place == "work" else EMPTY)
    assert list(evaluations(tmp_path)) == ["evaluation.json", "a-fold/evaluation.json"]


@pytest.mark.parametrize("text", ["{", "[]", '{"binary": []}', '{"settings": [], "binary": []}'])
def test_an_evaluation_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(text)
    with pytest.raises(BundleError, match=r"evaluation\.json: not an evaluation.*Write it with `radiolens evaluate`"):
        evaluations(tmp_path)


def test_notes_are_told_apart_by_their_headings(tmp_path: Path) -> None:
    text = "Contact: us.\n\n## Misuse\n\nNone.\n\n## CLAIM  5\nIn\nthe past.\n\n## datasheet: Uses\nMany.\n"
    (tmp_path / "notes.md").write_text(text)
    assert card_notes(tmp_path) == "Contact: us.\n\n## Misuse\n\nNone."
    assert author_notes(tmp_path) == {"claim 5": "In the past.", "datasheet: uses": "Many."}


def test_there_may_be_no_notes(tmp_path: Path) -> None:
    assert card_notes(tmp_path) == ""
    assert author_notes(tmp_path) == {}


def test_the_sections_are_those_of_the_contract() -> None:
    assert SECTIONS == ("comparison", "feature_studies", "robustness", "explanations")
