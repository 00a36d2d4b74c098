"""The model card of a bundle, written from its facts.

Sections after Mitchell et al. 2019 (arXiv:1810.03993). Nothing in it is made up: figures come from the evaluation files
in `evidence/`, facts from bundle.json and the task. What only a person can tell is a blank, until `evidence/notes.md`
fills it, which the card then ends with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from radiolens.bundle import InstalledBundle
from radiolens.tasks import get_task
from radiolens.validation.documents.author_notes import BLANK, card_notes
from radiolens.validation.documents.certainty import certainty
from radiolens.validation.documents.figures import (
    Evaluation,
    control,
    evaluations,
    interval,
    measure_name,
    number,
    table,
)
from radiolens.validation.documents.fold_networks import whose, within_folds
from radiolens.validation.documents.verdicts import verdicts

__all__ = ["STATEMENT", "model_card", "unverified_sources"]

_LICENCES = re.compile(r"\b(CC[ -]?(BY|0)|BSD|MIT|Apache|public domain|PDDL|ODC)", re.IGNORECASE)
"""Licences by name. Anything else that a data set says of its terms could not be checked."""

_DOUBTS = re.compile(r"not verified|unverified|secondary source|unknown|unclear", re.IGNORECASE)

STATEMENT = (
    "The weights are for education and research. They are not a medical device: not certified, not validated in a "
    "clinic, and not to be used to decide about a patient."
)


def model_card(installed: InstalledBundle, evidence: Path) -> str:
    """Return the model card as Markdown, with the figures of the evaluations in the folder `evidence`.

    Raises BundleError if one of them cannot be read.
    """
    found = evaluations(evidence)
    sections = {
        "Intended use": _use(installed),
        "Labels": _labels(installed),
        "Training data": _data(installed),
        "Operating point": _operating_point(installed),
        "Figures": _figures(installed, found),
        **_studies(found),
        "Limits": [f"* {limit}" for limit in installed.bundle.limits],
        "How it was made": _made(installed),
        "From the author": _from_the_author(card_notes(evidence)),
    }
    bundle = installed.bundle
    head = [f"# {bundle.name} {bundle.version}", "", f"Identity (SHA-256 of bundle.json): `{installed.sha256}`", ""]
    body = [line for title, lines in sections.items() for line in (f"## {title}", "", *lines, "")]
    return "\n".join([*head, STATEMENT, "", *body]).rstrip("\n") + "\n"


def unverified_sources(installed: InstalledBundle) -> list[str]:
    """Return the sources of the training data whose terms could not be verified."""
    provenance: Mapping[str, Any] = installed.bundle.provenance
    sources: Mapping[str, Sequence[str]] = provenance.get("sources", {})
    return [source for source, licences in sources.items() if not all(map(_verified, licences)) or not licences]


def _use(installed: InstalledBundle) -> list[str]:
    task = get_task(installed.bundle.task)
    if not installed.bundle.calibrated:
        return [f"An imported network, asked as {task.title}. Its file does not tell what it was made for."]
    kind = "Exactly one label holds." if task.exclusive else "Each finding is a question of its own."
    nothing = f'Where nothing is found it says "{task.nothing_found(installed.bundle.labels)}", never "healthy".'
    return [f"{task.title}: {task.intended_use} {kind} {nothing}"]


def _labels(installed: InstalledBundle) -> list[str]:
    task = get_task(installed.bundle.task)
    rows = [(name, task.label(name).definition) for name in installed.bundle.labels]
    known = "how it was defined in the training data"
    asked = "what radiolens takes it for; what the network learnt as that is not known"
    return table(("label", known if installed.bundle.calibrated else asked), rows)


def _data(installed: InstalledBundle) -> list[str]:
    provenance: Mapping[str, Any] = installed.bundle.provenance
    sources: Mapping[str, Sequence[str]] = provenance.get("sources", {})
    if not sources and not installed.bundle.calibrated:
        return ["Not known: the network was imported from a file that does not tell."]
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
    unverified = unverified_sources(installed)
    left_out = [_masking(entry) for entry in provenance.get("left_out", [])]
    erased = [_erasure(entry) for entry in provenance.get("erased", [])]
    return [
        *table(("source", "trained on", "validation", "licence, as the data set gives it"), rows),
        "",
        f"Terms that could not be verified: {', '.join(unverified) or 'none'}. No image is redistributed.",
        *(["", f"Annotations left out of training: {'; '.join(left_out)}."] if left_out else []),
        *(["", f"Taken out of the trained head: {'; '.join(erased)}."] if erased else []),
    ]


def _masking(entry: Mapping[str, Any] | Sequence[str]) -> str:
    """Return the annotations that a training left out, as radiolens.training.config.Masking or an earlier version."""
    if not isinstance(entry, Mapping):
        return "{1} of {0}".format(*entry)
    kept = f", but for one case in {entry['keep_one_in']}" if entry["keep_one_in"] else ""
    return f"{entry['label']} of {entry['source']}{kept} (stage {entry['stage']})"


def _erasure(entry: Mapping[str, Any]) -> str:
    """Return what was taken out of a trained head, a radiolens.training.config.SourceErasure."""
    first, second = entry["sources"]
    return f"{entry['share']:g} of what normal cases of {first} and {second} differ by, from {entry['label']}"


def _verified(licence: str) -> bool:
    return bool(_LICENCES.search(licence)) and not _DOUBTS.search(licence)


def _operating_point(installed: InstalledBundle) -> list[str]:
    bundle = installed.bundle
    columns = {"threshold": bundle.thresholds, "temperature": bundle.temperature}
    if bundle.bias:
        columns["bias"] = bundle.bias
    rows = [(name, *(f"{values[name]:.3f}" for values in columns.values())) for name in bundle.labels]
    told = [*table(("label", *columns), rows), "", f"Chosen by: {bundle.threshold_evidence}."]
    if bundle.coverage_confidence:
        promise = f"keep their {bundle.coverage:g} in {bundle.coverage_confidence:g} of the draws of calibration cases"
        told += ["", f"Prediction sets {promise}, not only in the mean of them."]
    return told if bundle.calibrated else [*told, "", "Not calibrated: the probabilities are the network's own."]


def _figures(installed: InstalledBundle, found: Mapping[str, Evaluation]) -> list[str]:
    if not found:
        return ["None yet: run `radiolens evaluate` with `--output` into `evidence`, then `radiolens bundle seal`."]
    return [line for name, study in found.items() for line in _evaluation(name, study, installed)]


def _evaluation(name: str, study: Evaluation, installed: InstalledBundle) -> Iterator[str]:
    yield from _heading(name, study, installed)
    yield from _findings(study)
    yield from _operating_points(study)
    for row in study.get("types", []):
        yield from ("", f"Type of {row['source']} ({row['cases']} cases): macro-F1 {interval(row['macro_f1'])}.")
    yield from certainty(study)
    yield from within_folds(study)
    yield ""


def _operating_points(study: Evaluation) -> Iterator[str]:
    """Yield the table of what other thresholds would reach; evaluations of 0.1.0 have none."""
    rows = [row for row in study["binary"] if row.get("sensitivity_at_specificity") and row["auroc"]["estimate"]]
    if not rows:
        return
    asked = [point["required"] for point in rows[0]["sensitivity_at_specificity"]]
    header = [f"sensitivity at specificity {share:.2f}" for share in asked]
    header += [f"specificity at sensitivity {share:.2f}" for share in asked]
    cells = [
        (
            row["question"],
            row["source"],
            *(interval(point["interval"]) for point in row["sensitivity_at_specificity"]),
            *(interval(point["interval"]) for point in row["specificity_at_sensitivity"]),
        )
        for row in rows
    ]
    yield from ("", "What other thresholds reach on these very cases:", "")
    yield from table(("question", "source", *header), cells)


def _studies(found: Mapping[str, Evaluation]) -> Mapping[str, list[str]]:
    """Return the sections on what was studied besides, from the evaluation that lies in the folder itself."""
    study = found.get("evaluation.json", {})
    return {title: [f"* {sentence}" for sentence in sentences] for title, sentences in verdicts(study).items()}


def _heading(name: str, study: Evaluation, installed: InstalledBundle) -> list[str]:
    settings = study["settings"]
    told = whose(study, installed)
    what = told if told == "this bundle" else f"**{told}**"
    shown = {key: value for key, value in settings.items() if value and key in ("split", "splits", "folds", "sources")}
    part = "; ".join(f"{key}: {', '.join(map(str, _listed(value)))}" for key, value in shown.items())
    command = ["", f"Command: `{settings['command']}`"] if settings.get("command") else []
    return [f"### {name}", "", f"Of {what}. {part or 'Part not stored'}.", *command, ""]


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def _findings(study: Evaluation) -> list[str]:
    header = ("question", "source", "present", "absent", "AUROC", "control", "sensitivity", "specificity", "ECE")
    rows = [
        (
            row["question"],
            row["source"],
            row["positives"],
            row["negatives"],
            interval(row.get("auroc")),
            interval(control(row)),
            interval(row.get("sensitivity")),
            interval(row.get("specificity")),
            number(row.get("expected_calibration_error")),
        )
        for row in study["binary"]
    ]
    averages = [
        f"{row['question']}: mean {measure_name(row['measure'])} over {', '.join(row['sources'])} "
        f"{interval(row['interval'])}."
        for row in study.get("averages", [])
    ]
    note = "Intervals of 95 %. The control is what borders and brightness alone reach on the same images."
    return [*table(header, rows), "", note, *(line for average in averages for line in ("", average))]


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


def _from_the_author(notes: str) -> list[str]:
    if notes:
        return notes.splitlines()
    asked = (
        "Contact",
        "Foreseeable misuse",
        "Clinical validation",
        "Ethical considerations",
    )
    return [f"* {title}: {BLANK}" for title in asked]
