"""How documents word a cross-validation: whose networks were judged, and what was compared within their folds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from radiolens.bundle import InstalledBundle
from radiolens.validation.documents.figures import Evaluation, interval, table

__all__ = ["HEADER", "contrast_cells", "type_sentences", "whose", "within_folds"]

HEADER = ("question", "which cases", "present or first", "absent or second", "AUROC", "controls")
"""Of the columns of `contrast_cells`."""


def whose(study: Evaluation, installed: InstalledBundle) -> str:
    """Return whose answers an evaluation judges, as the end of a sentence that begins with "Of"."""
    settings: Mapping[str, Any] = study["settings"]
    if settings.get("bundle") == installed.sha256:
        return "this bundle"
    networks: Mapping[str, str] = settings.get("networks", {})
    if not networks:
        return "other networks than this bundle's"
    own = hashlib.sha256((installed.folder / "model.onnx").read_bytes()).hexdigest()
    among = [fold for fold, sha256 in networks.items() if sha256 == own]
    told = f"that without fold {among[0]} is this bundle's" if among else "none of them is this bundle's"
    return f"{len(networks)} networks of the same recipe, each judged by what it had not seen; {told}"


def contrast_cells(study: Evaluation) -> list[tuple[object, ...]]:
    """Return a row of the table of contrasts for each that was measured, of one network or within folds."""
    found = study.get("within_folds") or study
    return [
        (
            row["question"],
            row["contrast"],
            row["positives"],
            row["negatives"],
            interval(row["auroc"]),
            "; ".join(f"{control['name']} {interval(control['auroc'])}" for control in row["controls"]),
        )
        for row in found.get("contrasts") or ()
    ]


def type_sentences(study: Evaluation) -> list[str]:
    """Return a sentence for each source of which the types were named beside a control."""
    found = study.get("within_folds") or {"types": []}
    return [
        f"Type of {row['source']} out of fold ({row['cases']} cases): macro-F1 {interval(row['macro_f1'])}, borders "
        f"and brightness {interval(row['control'])}."
        for row in found["types"]
    ]


def within_folds(study: Evaluation) -> Iterator[str]:
    """Yield the lines of Markdown on what was set against what; nothing of an evaluation without."""
    cells = contrast_cells(study)
    if cells:
        yield from ("", "Which cases are told apart, always within the answers of one network:", "")
        yield from table(HEADER, cells)
    for sentence in type_sentences(study):
        yield from ("", sentence)
