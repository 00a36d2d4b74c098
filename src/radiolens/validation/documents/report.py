"""The evidence as one page that needs nothing else: plots lie in it, scripts there are none."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from radiolens.bundle import InstalledBundle
from radiolens.tasks import get_task
from radiolens.validation.documents.card import STATEMENT
from radiolens.validation.documents.figures import (
    Evaluation,
    control,
    evaluations,
    interval,
    measure_name,
    number,
    plot_name,
)
from radiolens.validation.documents.fold_networks import HEADER, contrast_cells, type_sentences, whose
from radiolens.validation.documents.verdicts import NOT_MEASURED, random_label_verdicts, split_verdicts, verdicts

__all__ = ["environment", "report"]

_TEMPLATES = Path(__file__).with_name("templates")


def report(installed: InstalledBundle, evidence: Path) -> str:
    """Return the page as HTML, from the evaluations and plots in a folder; empty without an evaluation of this version.

    Whatever a manifest or bundle says is escaped.
    """
    found = evaluations(evidence)
    study = found.get("evaluation.json", {})
    if study.get("dataset") is None:
        return ""
    return (
        environment()
        .get_template("report.html")
        .render(
            bundle=installed.bundle,
            sha256=installed.sha256,
            task=get_task(installed.bundle.task),
            statement=STATEMENT,
            study=study,
            others=[
                (name, other, whose(other, installed), contrast_cells(other), type_sentences(other))
                for name, other in found.items()
                if name != "evaluation.json"
            ],
            contrast_header=HEADER,
            plots={file.name: _uri(file) for file in sorted((evidence / "plots").glob("*.svg"))},
            questions=list(dict.fromkeys(row["question"] for row in study["binary"])),
            verdicts=verdicts(study),
            judged=_judged(study),
            not_measured=NOT_MEASURED,
        )
    )


def environment() -> jinja2.Environment:
    """Return the templates' environment, with the words for figures."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "interval": _wrapping,
        "number": number,
        "control": control,
        "measure": measure_name,
        "slug": lambda text: re.sub(r"[^a-z0-9]+", "-", str(text).lower()),
        "p": _p_value,
        "share": _share,
        "shown": _shown,
    }
    found.globals |= {"plot_name": plot_name}
    found.globals |= {"random_label_verdicts": random_label_verdicts, "split_verdicts": split_verdicts}
    return found


def _wrapping(value: Mapping[str, Any] | None) -> str:
    """Return an interval that may be broken before its bracket, and nowhere else."""
    estimate, *bounds = interval(value).split(" (")
    return " (".join([estimate, *(bound.replace(" ", "\N{NO-BREAK SPACE}") for bound in bounds)])


def _judged(study: Evaluation) -> list[Mapping[str, Any]]:
    """Return the rows of which an AUROC could be told."""
    return [row for row in study["binary"] if row["auroc"]["estimate"] is not None]


def _p_value(value: float | None) -> str:
    return "-" if value is None else "below 0.001" if value < 0.001 else f"{value:.3f}"


def _share(part: int, whole: int) -> str:
    """Return how dark a cell of a confusion matrix is, 0.00 to 1.00."""
    return f"{part / whole:.2f}" if whole else "0.00"


def _uri(file: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(file.read_bytes()).decode()


def _shown(text: object) -> str:
    """Return a text as one can print it: what is invisible, or turns the writing round, becomes a mark."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(text))
