"""The model card of a bundle, written from its facts; and the seal, which hashes all of its evidence.

Sections after Mitchell et al. 2019 (arXiv:1810.03993). Nothing in it is made up: figures come from the evaluation files
in `evidence/`, facts from bundle.json and the task. What only a person can tell is a blank, until `evidence/notes.md`
fills it, which the card then ends with.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from radiolens.bundle import InstalledBundle, read_bundle, write_evidence_hashes
from radiolens.errors import BundleError
from radiolens.tasks import get_task

__all__ = ["BLANK", "model_card", "seal"]

BLANK = "*To be filled by the author (in `evidence/notes.md`, then `radiolens bundle seal`).*"

_NOTES = "notes.md"

_LICENCES = re.compile(r"\b(CC[ -]?(BY|0)|BSD|MIT|Apache|public domain|PDDL|ODC)", re.IGNORECASE)
"""Licences by name. Anything else that a data set says of its terms could not be checked."""

_DOUBTS = re.compile(r"not verified|unverified|secondary source|unknown|unclear", re.IGNORECASE)

_STATEMENT = (
    "The weights are for education and research. They are not a medical device: not certified, not validated in a "
    "clinic, and not to be used to decide about a patient."
)


def seal(folder: Path) -> Path:
    """Write the model card of a bundle anew, then the hashes of its evidence, and return the card's path.

    The bundle's identity does not change. Raises BundleError if the bundle or an evaluation in it cannot be read.
    """
    installed = read_bundle(folder)
    evidence = folder / "evidence"
    evidence.mkdir(exist_ok=True)
    file = evidence / "model_card.md"
    partial = evidence / "model_card.partial"
    partial.write_text(model_card(installed), encoding="utf-8")
    os.replace(partial, file)
    write_evidence_hashes(folder)
    return file


def model_card(installed: InstalledBundle) -> str:
    """Return the model card as Markdown."""
    evidence = installed.folder / "evidence"
    notes = evidence / _NOTES
    sections = {
        "Intended use": _use(installed),
        "Labels": _labels(installed),
        "Training data": _data(installed),
        "Operating point": _operating_point(installed),
        "Figures": _figures(installed, evidence),
        "Limits": [f"* {limit}" for limit in installed.bundle.limits],
        "How it was made": _made(installed),
        "From the author": _from_the_author(notes),
    }
    bundle = installed.bundle
    head = [f"# {bundle.name} {bundle.version}", "", f"Identity (SHA-256 of bundle.json): `{installed.sha256}`", ""]
    body = [line for title, lines in sections.items() for line in (f"## {title}", "", *lines, "")]
    return "\n".join([*head, _STATEMENT, "", *body]).rstrip("\n") + "\n"


def _use(installed: InstalledBundle) -> list[str]:
    task = get_task(installed.bundle.task)
    kind = "Exactly one label holds." if task.exclusive else "Each finding is a question of its own."
    nothing = f'Where nothing is found it says "{task.negative_answer}", never "healthy".'
    return [f"{task.title}: {task.intended_use} {kind} {nothing}"]


def _labels(installed: InstalledBundle) -> list[str]:
    task = get_task(installed.bundle.task)
    rows = [(name, task.label(name).definition) for name in installed.bundle.labels]
    return _table(("label", "how it was defined in the training data"), rows)


def _data(installed: InstalledBundle) -> list[str]:
    provenance: Mapping[str, Any] = installed.bundle.provenance
    sources: Mapping[str, Sequence[str]] = provenance.get("sources", {})
    counts: Mapping[str, Mapping[str, int]] = provenance.get("cases", {})
    rows = [
        (
            source,
            counts.get(source, {}).get("train", "not stored"),
            counts.get(source, {}).get("validation", "not stored"),
            "; ".join(licence or "none given" for licence in licences),
        )
        for source, licences in sources.items()
    ]
    unverified = [source for source, licences in sources.items() if not all(map(_verified, licences)) or not licences]
    left_out = [f"{label} of {source}" for source, label in provenance.get("left_out", [])]
    return [
        *_table(("source", "trained on", "validation", "licence, as the data set gives it"), rows),
        "",
        f"Terms that could not be verified: {', '.join(unverified) or 'none'}. No image is redistributed.",
        *(["", f"Annotations left out of training: {', '.join(left_out)}."] if left_out else []),
    ]


def _verified(licence: str) -> bool:
    return bool(_LICENCES.search(licence)) and not _DOUBTS.search(licence)


def _operating_point(installed: InstalledBundle) -> list[str]:
    bundle = installed.bundle
    rows = [(name, f"{bundle.thresholds[name]:.3f}", f"{bundle.temperature[name]:.3f}") for name in bundle.labels]
    return [*_table(("label", "threshold", "temperature"), rows), "", f"Chosen by: {bundle.threshold_evidence}."]


def _figures(installed: InstalledBundle, evidence: Path) -> list[str]:
    files = sorted(evidence.rglob("evaluation.json"))
    if not files:
        return ["None yet: run `radiolens evaluate` with `--output` into `evidence`, then `radiolens bundle seal`."]
    return [line for file in files for line in _evaluation(file, evidence, installed.sha256)]


def _evaluation(file: Path, evidence: Path, sha256: str) -> Iterator[str]:
    study = _study(file)
    yield from _heading(file.relative_to(evidence), study, sha256)
    yield from _findings(study)
    for row in study.get("types", []):
        yield from ("", f"Type of {row['source']} ({row['cases']} cases): macro-F1 {_interval(row['macro_f1'])}.")
    yield ""


def _study(file: Path) -> Mapping[str, Any]:
    try:
        study = json.loads(file.read_text(encoding="utf-8"))
        settings, rows = study["settings"], study["binary"]
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{file}: not an evaluation ({error!r}). Write it with `radiolens evaluate`.") from error
    if not isinstance(settings, dict) or not isinstance(rows, list):
        raise BundleError(f"{file}: not an evaluation (settings or binary). Write it with `radiolens evaluate`.")
    return dict(study)


def _heading(file: Path, study: Mapping[str, Any], sha256: str) -> list[str]:
    settings = study["settings"]
    what = "this bundle" if settings.get("bundle") == sha256 else "**other networks than this bundle's**"
    shown = {key: value for key, value in settings.items() if value and key in ("split", "splits", "folds", "sources")}
    part = "; ".join(f"{key}: {', '.join(map(str, _listed(value)))}" for key, value in shown.items())
    command = ["", f"Command: `{settings['command']}`"] if settings.get("command") else []
    return [f"### {file.as_posix()}", "", f"Of {what}. {part or 'Part not stored'}.", *command, ""]


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def _findings(study: Mapping[str, Any]) -> list[str]:
    header = ("question", "source", "present", "absent", "AUROC", "control", "sensitivity", "specificity", "ECE")
    rows = [
        (
            row["question"],
            row["source"],
            row["positives"],
            row["negatives"],
            _interval(row.get("auroc")),
            _interval(_control(row)),
            _interval(row.get("sensitivity")),
            _interval(row.get("specificity")),
            _number(row.get("expected_calibration_error")),
        )
        for row in study["binary"]
    ]
    averages = [
        f"{row['question']}: mean {row['measure']} over {', '.join(row['sources'])} {_interval(row['interval'])}."
        for row in study.get("averages", [])
    ]
    note = "Intervals of 95 %. The control is what borders and brightness alone reach on the same images."
    return [*_table(header, rows), "", note, *(line for average in averages for line in ("", average))]


def _control(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the control's interval; evaluations of 0.1.0 kept it at another place."""
    control = row.get("controls", {}).get("out_of_fold") or row.get("control_auroc")
    return control if isinstance(control, dict) else None


def _made(installed: InstalledBundle) -> list[str]:
    bundle = installed.bundle
    provenance: Mapping[str, Any] = bundle.provenance
    environment: Mapping[str, object] = provenance.get("environment", {})
    size = f"{bundle.preprocessing.rows} x {bundle.preprocessing.columns} pixels, {bundle.preprocessing.fit}"
    return [
        f"* experiment: {provenance.get('experiment', 'not stored')}",
        f"* backbone: {provenance.get('backbone', 'not stored')}",
        f"* input: {size}, grey levels less {bundle.preprocessing.offset:g}, by {bundle.preprocessing.scale:g}",
        f"* created: {provenance.get('created', 'not stored')}, commit {environment.get('commit', 'not stored')}",
        f"* versions: {', '.join(f'{key} {value}' for key, value in environment.items() if key != 'commit')}",
    ]


def _from_the_author(notes: Path) -> list[str]:
    if notes.is_file():
        return notes.read_text(encoding="utf-8").strip().splitlines()
    asked = (
        "Contact",
        "Foreseeable misuse",
        "Clinical validation",
        "Ethical considerations",
    )
    return [f"* {title}: {BLANK}" for title in asked]


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    cells = [[str(value).replace("|", "\\|") for value in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *cells)]


def _interval(value: Mapping[str, Any] | None) -> str:
    if value is None or value.get("estimate") is None:
        return "-"
    return f"{_number(value['estimate'])} ({_number(value['low'])} to {_number(value['high'])})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
