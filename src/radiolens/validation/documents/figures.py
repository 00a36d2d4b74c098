"""Reads evaluations, and words their figures the same way in every document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radiolens.errors import BundleError

__all__ = [
    "SECTIONS",
    "Evaluation",
    "control",
    "evaluations",
    "interval",
    "measure_name",
    "number",
    "plot_name",
    "table",
]

SECTIONS = ("comparison", "feature_studies", "robustness", "explanations")
"""The keys of an evaluation that hold a study of its own; null where it was left out."""

_MEASURES: Mapping[str, str] = {"auroc": "AUROC", "macro_f1": "macro-F1"}

Evaluation = Mapping[str, Any]
"""The content of an evaluation.json."""


def evaluations(evidence: Path) -> Mapping[str, Evaluation]:
    """Return every evaluation below a folder by its path in it, the folder's own first.

    Raises BundleError if one of them is no evaluation. What an unfinished call keeps in `work/` is none.
    """
    files = [file for file in evidence.rglob("evaluation.json") if file.relative_to(evidence).parts[0] != "work"]
    ordered = sorted(files, key=lambda file: (len(file.relative_to(evidence).parts), file))
    return {file.relative_to(evidence).as_posix(): _read(file) for file in ordered}


def interval(value: Mapping[str, Any] | None) -> str:
    """Return `0.876 (0.805 to 0.946)`, or `-` for what is not defined."""
    if value is None or value.get("estimate") is None:
        return "-"
    return f"{number(value['estimate'])} ({number(value['low'])} to {number(value['high'])})"


def number(value: float | None) -> str:
    """Return three decimals, or `-` for what is not defined."""
    if value is None:
        return "-"
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text


def measure_name(measure: str) -> str:
    """Return a measure as it is written in a text: AUROC, macro-F1; others are words already."""
    return _MEASURES.get(measure, measure)


def control(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the interval of a row's control; evaluations of 0.1.0 kept it at another place."""
    found = row.get("controls", {}).get("out_of_fold") or row.get("control_auroc")
    return found if isinstance(found, dict) else None


def plot_name(kind: str, question: str) -> str:
    """Return the file name of a plot of one question, for instance `roc-any-finding.svg`."""
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', question.lower())}.svg"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table; a bar in a cell is escaped, and a line break becomes a space."""
    cells = [[" ".join(str(value).split()).replace("|", "\\|") for value in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *cells)]


def _read(file: Path) -> Evaluation:
    try:
        study = json.loads(file.read_text(encoding="utf-8"))
        settings, rows = study["settings"], study["binary"]
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{file}: not an evaluation ({error!r}). Write it with `radiolens evaluate`.") from error
    if not isinstance(settings, dict) or not isinstance(rows, list):
        raise BundleError(f"{file}: not an evaluation (settings or binary). Write it with `radiolens evaluate`.")
    return dict(study)
