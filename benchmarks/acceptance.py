"""What the released bundles were to reach, and what their evidence says they reach: docs/acceptance.md.

Every figure is read from the evaluation.json files in the evidence of the bundles; nothing is measured here.

Command: python -m benchmarks.acceptance
Runtime: a second. `tests/benchmarks/test_acceptance.py` holds that the page says what the evidence says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.wanted import CRITERIA, OUT_OF_FOLD, RELEASE, Criterion, Figure
from radiolens.bundle import RELEASED
from radiolens.validation.documents.figures import Evaluation, interval, table

__all__ = ["PAGE", "Judged", "judged", "page"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "acceptance.md"

_VERDICTS = ("met", "missed", "not measured")


@dataclass(frozen=True)
class Judged:
    """A criterion with its figures: none if the evidence is missing, or too old to hold them.

    `evidence` is the file, and `settings` what it says of itself. With `substitute` the figures are not those that were
    wanted, but of the released network on its test split.
    """

    criterion: Criterion
    evidence: str
    settings: Mapping[str, Any]
    figures: tuple[Figure, ...]
    substitute: bool = False

    @property
    def verdict(self) -> str:
        """Return met, missed or not measured."""
        if self.substitute or not self.figures:
            return "not measured"
        return "met" if all(figure.met for figure in self.figures) else "missed"


def judged(released: Path = RELEASED, criteria: Sequence[Criterion] = CRITERIA) -> tuple[Judged, ...]:
    """Return every criterion with what the newest bundles in a folder say of it."""
    studies = {name: _evidence(released, name) for name in dict.fromkeys(each.bundle for each in criteria)}
    return tuple(_judged(criterion, *studies[criterion.bundle]) for criterion in criteria)


def page(found: Sequence[Judged]) -> str:
    """Return the page as Markdown."""
    counts = [sum(each.verdict == verdict for each in found) for verdict in _VERDICTS]
    used = {each.evidence: each.settings for each in found if each.figures}
    sources = [(name, told.get("seed", "-"), f"`{told.get('command', '-')}`") for name, told in used.items()]
    lines = [
        "# What was wanted, and what was measured",
        "",
        "Written by `python -m benchmarks.acceptance` from the evidence of the released bundles; a test compares them.",
        "The estimate is judged, unless a line names a bound. Intervals are of 95 %; the control is what numbers",
        "without anatomy reach on the same images. What each figure means is said in [evaluation.md](evaluation.md).",
        "A figure that was wanted out of fold, but for which no cross-validation lies in the evidence, is that of the",
        "released network on its test split: the evidence of such a line is `evaluation.json` itself.",
        "",
        f"Of {len(found)} lines {counts[0]} are met, {counts[1]} missed and {counts[2]} not measured.",
        "",
        *table(
            ("what", "wanted", "measured", "control", "verdict", "evidence"),
            [row for each in found for row in _rows(each)],
        ),
        "",
        *_told_of_missed(found),
        "## The evidence",
        "",
        *table(("file", "seed", "command"), sources),
        "",
    ]
    return "\n".join(lines)


def _told_of_missed(found: Sequence[Judged]) -> list[str]:
    """Return the section on what is missed; lines that are missed for one reason are told of together."""
    reasons: dict[str, list[str]] = {}
    for each in found:
        if each.verdict == "missed":
            reasons.setdefault(each.criterion.tried or "Nothing was tried yet.", []).append(each.criterion.what)
    lines = [f"* **{'; '.join(names)}.** {tried}" for tried, names in reasons.items()]
    return ["## What is missed, and what was tried", "", *lines, ""] if lines else []


def _evidence(released: Path, bundle: str) -> tuple[str, Mapping[str, Evaluation]]:
    """Return `name/version` of the newest bundle of a name, and its evaluations by file; nothing if there is none."""
    versions = sorted((released / bundle).glob("*/bundle.json"), key=lambda file: _numbers(file.parent.name))
    if not versions:
        return bundle, {}
    folder = versions[-1].parent
    files = ((name, folder / "evidence" / name) for name in (RELEASE, OUT_OF_FOLD))
    return f"{bundle}/{folder.name}", {name: json.loads(file.read_text()) for name, file in files if file.is_file()}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _judged(criterion: Criterion, place: str, studies: Mapping[str, Evaluation]) -> Judged:
    for file in dict.fromkeys((criterion.file, RELEASE)):
        study = studies.get(file)
        figures = tuple(criterion.figures(study)) if study else ()
        if study and figures:
            return Judged(criterion, f"{place}/evidence/{file}", study["settings"], figures, file != criterion.file)
    return Judged(criterion, f"{place}/evidence/{criterion.file}", {}, ())


def _rows(each: Judged) -> Iterator[tuple[str, ...]]:
    criterion = each.criterion
    if not each.figures:
        yield criterion.what, criterion.wanted, "-", "-", "not measured", each.evidence
    for figure in each.figures:
        name = f"{criterion.what}: {figure.name}" if figure.name else criterion.what
        verdict = "met" if figure.met else "**missed**"
        if each.substitute:
            verdict = f"not measured out of fold; {'reached' if figure.met else '**missed**'} on the test split"
        yield name, criterion.wanted, interval(figure.value), figure.control, verdict, each.evidence


def main(write: Callable[[str], object] = PAGE.write_text) -> None:
    """Write the page, and print how many lines are met."""
    found = judged()
    write(page(found))
    for each in found:
        print(f"{each.verdict:<13} {each.criterion.what} ({each.criterion.wanted})")


if __name__ == "__main__":
    main()
