"""Every figure that README, tasks, cards, datasheets and checklists quote is one of the released bundles' evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radiolens.bundle import RELEASED
from radiolens.tasks import TASKS
from tests.project.documents import text_of

RESULTS = text_of("README.md").split("<!-- results", 1)[1].split("<!-- /results -->", 1)[0]
ROWS = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in RESULTS.splitlines() if line[:2] == "| "]
INTERVAL = re.compile(r"(\d\.\d{3})\s\((\d\.\d{3})\sto\s(\d\.\d{3})\)")
FIGURE = re.compile(r"(?<![\d.])[01]\.\d{3}(?!\d)")


def evidence(bundle: str = "*") -> list[dict[str, Any]]:
    """Return the studies of the released bundles of this name."""
    return [json.loads(file.read_text()) for file in sorted(RELEASED.glob(f"{bundle}/*/evidence/**/evaluation.json"))]


def values(content: Any) -> Iterator[Any]:  # noqa: ANN401  JSON
    """Yield every object and number in it."""
    if isinstance(content, dict | list):
        yield content
        for entry in content.values() if isinstance(content, dict) else content:
            yield from values(entry)
    elif isinstance(content, float):
        yield content


def told(interval: Any) -> str:  # noqa: ANN401  JSON
    return f"{interval['estimate']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})"


def intervals(studies: list[dict[str, Any]]) -> set[str]:
    """Return every interval that is defined, as the README writes it."""
    found = (value for value in values(studies) if isinstance(value, dict) and "estimate" in value)
    return {told(value) for value in found if None not in value.values()}


def control(entry: dict[str, Any]) -> float:
    """Return the control's AUROC; the kept study of four folds has the older layout."""
    interval = entry["controls"]["out_of_fold"] if "controls" in entry else entry["control_auroc"]
    return float(interval["estimate"])


def test_the_table_names_released_bundles_and_has_a_row_for_each() -> None:
    assert ROWS[0][:1] == ["bundle"]
    named = {row[0].split()[0] for row in ROWS[1:]}
    assert named == {folder.name for folder in RELEASED.iterdir() if folder.is_dir()} - {"gate"}  # it answers no task
    for name, version in (row[0].split() for row in ROWS[1:]):
        assert version == "(folds)" or (RELEASED / name / version / "bundle.json").is_file()


@pytest.mark.parametrize("row", ROWS[1:], ids=lambda row: str(row[1]))
def test_a_row_of_the_table_is_one_of_the_evidence(row: list[str]) -> None:
    bundle, question, images, *figures = row
    positives, negatives = (int(count.replace(",", "")) for count in images.split("+"))
    rows = [entry for study in evidence(bundle.split()[0]) for entry in study["binary"]]
    same = [entry for entry in rows if (entry["positives"], entry["negatives"]) == (positives, negatives)]
    named = [entry for entry in same if entry["question"].split()[0] in question]
    assert figures in [[told(entry["auroc"]), f"{control(entry):.3f}"] for entry in named or same]


def test_every_interval_quoted_is_one_of_the_evidence() -> None:
    quoted = {f"{estimate} ({low} to {high})" for estimate, low, high in INTERVAL.findall(RESULTS)}
    assert len(quoted) >= len(ROWS) - 1
    assert quoted - intervals(evidence()) == set()


def test_every_figure_quoted_is_one_of_the_evidence() -> None:
    known = {f"{value:.3f}" for value in values(evidence()) if isinstance(value, float)}
    quoted = set(FIGURE.findall(RESULTS))
    assert quoted
    assert quoted - known == set()


DOCUMENTS = sorted(
    file for name in ("model_card", "datasheet", "claim") for file in RELEASED.glob(f"*/*/evidence/{name}.md")
)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: f"{file.parts[-4]} {file.stem}")
def test_every_figure_of_a_document_is_one_of_the_evaluations_beside_it_or_of_the_bundle(file: Path) -> None:
    sources = [*file.parent.rglob("evaluation.json"), file.parents[1] / "bundle.json"]
    facts = [json.loads(source.read_text()) for source in sources]
    known = {f"{value:.3f}".replace("-0.000", "0.000") for value in values(facts) if isinstance(value, float)}
    text = file.read_text(encoding="utf-8")
    quoted = set(FIGURE.findall(text))
    assert quoted or file.stem == "datasheet"
    assert quoted - {figure.lstrip("-") for figure in known} == set()
    quoted_intervals = {f"{estimate} ({low} to {high})" for estimate, low, high in INTERVAL.findall(text)}
    assert quoted_intervals - intervals(facts) == set()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))
def test_a_figure_that_a_limit_quotes_is_one_of_the_evidence(task: Any) -> None:  # noqa: ANN401  a Task
    known = {f"{value:.2f}" for value in values(evidence(task.name)) if isinstance(value, float)}
    quoted = {figure for limit in task.limits for figure in re.findall(r"(?<![\d.])[01]\.\d\d(?!\d)", limit.text)}
    assert quoted - known == set()


def test_a_cross_validation_tells_its_networks_and_command_or_that_none_repeats_it() -> None:
    for file in RELEASED.glob("*/*/evidence/out-of-fold/evaluation.json"):
        settings = json.loads(file.read_text())["settings"]
        if "no command repeats it" not in settings.get("note", ""):
            assert settings["command"].startswith("radiolens crossvalidate")
            assert len(settings["networks"]) == len(settings["folds"]) > 1
