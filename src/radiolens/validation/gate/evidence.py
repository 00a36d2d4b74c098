"""The evidence of a gate: measured, and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radiolens.inference.gate_bundle import InstalledGate
from radiolens.inference.gate_network import GateNetwork
from radiolens.training.gate.recipe import OTHER_FOLDER
from radiolens.training.gate.samples import genuine_pictures, other_pictures
from radiolens.validation.gate.pictures import Asked, defective, drawn, genuine, others
from radiolens.validation.gate.seal import gate_figures, seal_gate
from radiolens.validation.gate.study import Answer, Answers, Control, GateStudy, answers_of, control, study_of
from radiolens.validation.results import as_json, deciding_versions, write_evaluation

__all__ = ["GatePlan", "make_gate_evidence", "write_gate_evidence"]

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
    return gate_figures(output)


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
    folders = {name: [asked.grey for asked in away if asked.group == name] for name in {a.group for a in away}}
    return control(learnt, [asked.grey for asked in own], dict(sorted(folders.items())), share, seed)
