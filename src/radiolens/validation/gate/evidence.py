"""The evidence of a gate: measured, written as evaluation.json and a page of it, and hashed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import DOCUMENTS, verify_evidence, write_evidence_hashes
from radiolens.errors import BundleError, CorruptBundle
from radiolens.inference.gate_bundle import InstalledGate
from radiolens.inference.gate_network import GateNetwork
from radiolens.training.gate.recipe import OTHER_FOLDER
from radiolens.training.gate.samples import genuine_pictures, other_pictures
from radiolens.validation.documents.card import STATEMENT
from radiolens.validation.documents.report import environment
from radiolens.validation.gate.pictures import Asked, defective, drawn, genuine, others
from radiolens.validation.gate.study import Answer, Answers, Control, GateStudy, answers_of, control, study_of
from radiolens.validation.results import as_json, deciding_versions, write_evaluation

__all__ = [
    "GatePlan",
    "gate_page",
    "make_gate_evidence",
    "seal_gate",
    "verify_gate_evidence",
    "write_gate_evidence",
]

_PAGE = "report.html"

_EXTERNAL = ("tbx11k",)
"""Sources of which no picture is trained on or chosen by, in any task."""

_CONTROL_PICTURES = 60  # of each source: ten times the pictures of no task, on which the control is fitted


@dataclass(frozen=True)
class GatePlan:
    """How much is measured.

    `largest` pictures of each source (None: all), `defective` genuine ones with every defect, `drawn` of each junk;
    `seed` is of everything that is drawn, `command` for the record.
    """

    largest: int | None = None
    defective: int = 200
    drawn: int = 20
    seed: int = 0
    command: str = ""


def make_gate_evidence(
    network: GateNetwork,
    data: Path,
    output: Path,
    plan: GatePlan,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Mapping[str, Any]:
    """Measure a gate on the collections in `data`, write the evidence to `output`, and return evaluation.json.

    Raises DatasetError or InvalidManifest if a collection is missing or damaged.
    """
    own = list(genuine(data, plan.largest, plan.seed))
    away = list(others(data))
    material = [asked for asked in own if asked.group not in _EXTERNAL]

    def said(name: str, asked: Sequence[Asked]) -> list[Answer]:
        return answers_of(network, asked, lambda done: progress(f"looking at {name}", done, len(asked)))

    answers = Answers(
        said("genuine pictures", own),
        said("pictures of no task", away),
        said("generated defects", list(defective(material, plan.defective, plan.seed))),
        said("drawn junk", list(drawn(material, plan.drawn, plan.seed))),
    )
    refused = [not answer.passed for answer in answers.genuine if answer.group not in _EXTERNAL]
    share = max(float(np.mean(refused)), 1 / len(refused))
    found_control = _control(data, material, away, share, plan.seed)
    study = study_of(_settings(network.installed, plan), answers, _EXTERNAL, found_control)
    return write_gate_evidence(study, network.installed, output)


def write_gate_evidence(study: GateStudy, installed: InstalledGate, output: Path) -> Mapping[str, Any]:
    """Write evaluation.json, report.html and the hashes of both, and return the first."""
    write_evaluation(as_json(study), output)
    seal_gate(installed, output)
    return _figures(output)


def seal_gate(installed: InstalledGate, evidence: Path | None = None) -> Path:
    """Write report.html anew from evaluation.json, then the hashes of both, and return the page's path.

    `evidence` is by default the bundle's own. Raises BundleError without an evaluation.
    """
    place = installed.folder / "evidence" if evidence is None else evidence
    file = place / _PAGE
    partial = place / f"{_PAGE}.partial"
    partial.write_text(gate_page(installed, _figures(place)), encoding="utf-8", newline="\n")
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
    expected, found = gate_page(installed, _figures(place)), (place / _PAGE).read_text(encoding="utf-8")
    if expected != found:
        raise CorruptBundle(f"{place / _PAGE} is not what its evaluation says", "the same page", "another one")
    return True


def gate_page(installed: InstalledGate, study: Mapping[str, Any]) -> str:
    """Return report.html, from what evaluation.json says alone."""
    template = environment().get_template("gate.html")
    return template.render(bundle=installed.bundle, sha256=installed.sha256, study=study, statement=STATEMENT)


def _figures(evidence: Path) -> Mapping[str, Any]:
    file = evidence / "evaluation.json"
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{file}: no evaluation ({error}). Make it with `radiolens evaluate-gate`.") from error
    return content


def _settings(installed: InstalledGate, plan: GatePlan) -> Mapping[str, object]:
    return {
        "bundle": installed.sha256,
        "version": installed.bundle.version,
        "largest": plan.largest,
        "defective": plan.defective,
        "drawn": plan.drawn,
        "seed": plan.seed,
        "command": plan.command,
        "versions": deciding_versions(),
    }


def _control(data: Path, own: Sequence[Asked], away: Sequence[Asked], share: float, seed: int) -> Control:
    sources = {asked.group for asked in own}
    learnt = (
        [
            picture.grey
            for picture in genuine_pictures(data, ["train"], dict.fromkeys(sources, _CONTROL_PICTURES), seed)
        ],
        [picture.grey for picture in other_pictures(data / OTHER_FOLDER)],
    )
    folders = {name: [_grey(asked) for asked in away if asked.group == name] for name in {a.group for a in away}}
    return control(learnt, [_grey(asked) for asked in own], dict(sorted(folders.items())), share, seed)


def _grey(asked: Asked) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(asked.image.pixels[0], 0, 1) * 255), np.uint8)
