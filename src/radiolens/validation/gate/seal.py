"""The page of a gate's evidence: written from its figures alone, hashed, and compared with them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radiolens.bundle import DOCUMENTS, verify_evidence, write_evidence_hashes
from radiolens.errors import BundleError, CorruptBundle
from radiolens.inference.gate_bundle import InstalledGate
from radiolens.validation.documents.card import STATEMENT
from radiolens.validation.documents.report import environment

__all__ = ["gate_figures", "gate_page", "seal_gate", "verify_gate_evidence"]

_PAGE = "report.html"


def seal_gate(installed: InstalledGate, evidence: Path | None = None) -> Path:
    """Write report.html anew from evaluation.json, then the hashes of both, and return the page's path.

    `evidence` is by default the bundle's own. Raises BundleError without an evaluation.
    """
    place = installed.folder / "evidence" if evidence is None else evidence
    file = place / _PAGE
    partial = place / f"{_PAGE}.partial"
    partial.write_text(gate_page(installed, gate_figures(place)), encoding="utf-8", newline="\n")
    os.replace(partial, file)
    write_evidence_hashes(installed.folder, place)
    return file


def verify_gate_evidence(installed: InstalledGate, evidence: Path | None = None) -> bool:
    """Check the hashes of a gate's evidence, and that its page says what its figures say.

    Returns False where the page is of another version of radiolens: then only the hashes could be checked. Raises
    CorruptBundle, BundleError.
    """
    place = installed.folder / "evidence" if evidence is None else evidence
    if verify_evidence(installed.folder, place) != DOCUMENTS:
        return False
    expected, found = gate_page(installed, gate_figures(place)), (place / _PAGE).read_text(encoding="utf-8")
    if expected != found:
        raise CorruptBundle(f"{place / _PAGE} is not what its evaluation says", "the same page", "another one")
    return True


def gate_page(installed: InstalledGate, study: Mapping[str, Any]) -> str:
    """Return report.html, from what evaluation.json says alone."""
    template = environment().get_template("gate.html")
    return template.render(bundle=installed.bundle, sha256=installed.sha256, study=study, statement=STATEMENT)


def gate_figures(evidence: Path) -> Mapping[str, Any]:
    """Return evaluation.json; raise BundleError if there is none."""
    file = evidence / "evaluation.json"
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{file}: no evaluation ({error}). Make it with `radiolens evaluate-gate`.") from error
    return content
