"""The datasheet of the data that a bundle was measured on, filled from the facts of its manifest.

Sections and questions after Gebru et al. 2021 (arXiv:1803.09010), in short words. What a manifest cannot tell is a
blank for the author. Nothing in it names a patient or shows an image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radiolens.bundle import InstalledBundle
from radiolens.tasks import get_task
from radiolens.validation.documents.author_notes import BLANK, author_notes
from radiolens.validation.documents.card import unverified_sources
from radiolens.validation.documents.figures import evaluations, table

__all__ = ["datasheet"]

_ABOUT = (
    "Filled from the manifest and the bundle; the rest is for the author. After Gebru et al. 2021 (arXiv:1803.09010)."
)
_NOT_GIVEN = (
    'Where patients are "not given", images of one patient may be taken as independent, and intervals are too narrow.'
)
_APART = "Training refuses a manifest in which a patient or a group of duplicates stands in two splits."


def datasheet(installed: InstalledBundle, evidence: Path) -> str:
    """Return the datasheet as Markdown; empty without an evaluation that holds the facts of its manifest."""
    facts = evaluations(evidence).get("evaluation.json", {}).get("dataset")
    if facts is None:
        return ""
    sections = {
        "Motivation": [f"* For what was the data set made, by whom, who paid: {BLANK}"],
        "Composition": _composition(installed, facts),
        "Labels": _labels(installed, facts),
        "People": _people(facts),
        "Collection": [
            f"* How, when and with which devices the images were acquired: {BLANK}",
            f"* Consent, ethical review: {BLANK}",
        ],
        "Preparation": _preparation(installed),
        "Splits": _splits(facts),
        "Uses": _uses(installed),
        "Distribution and maintenance": _distribution(installed, facts),
    }
    name = installed.bundle.name
    head = [
        f"# Datasheet of the data behind {name} {installed.bundle.version}",
        "",
        f"{facts['cases']} images are listed, {facts['scored']} of them were scored. {_ABOUT}",
        "",
    ]
    notes = author_notes(evidence)
    told = {title: notes.get(f"datasheet: {title.lower()}") for title in sections}
    body = [line for title, lines in sections.items() for line in (f"## {title}", "", *_filled(lines, told[title]), "")]
    return "\n".join([*head, *body]).rstrip("\n") + "\n"


def _filled(lines: Sequence[str], notes: str | None) -> list[str]:
    """Return the lines of a section with what the author says of it; then no blank is left in it."""
    return [*lines] if notes is None else [*(line for line in lines if BLANK not in line), notes]


def _composition(installed: InstalledBundle, facts: Mapping[str, Any]) -> list[str]:
    task = get_task(installed.bundle.task)
    rows = [
        (
            part["source"],
            part["split"] or "none",
            part["cases"],
            part["patients"] or "not given",
            part["duplicate_groups"] or "not given",
            part["masked"],
            part["scored"],
        )
        for part in facts["parts"]
    ]
    header = ("source", "split", "images", "patients", "groups of duplicates", "with a mask", "scored")
    return [
        f"Each instance is one image: {task.intended_use}",
        "",
        *table(header, rows),
        "",
        _NOT_GIVEN,
    ]


def _labels(installed: InstalledBundle, facts: Mapping[str, Any]) -> list[str]:
    task = get_task(installed.bundle.task)
    rows = [
        (part["source"], part["split"] or "none", row["label"], row["present"], row["absent"], row["not_annotated"])
        for part in facts["parts"]
        for row in part["labels"]
    ]
    definitions = [f"* {label.name}: {label.definition}" for label in task.labels]
    header = ("source", "split", "label", "present", "absent", "not annotated")
    return [*definitions, "", *table(header, rows), "", f"Who annotated, and how well they agreed: {BLANK}"]


def _people(facts: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            part["source"],
            part["split"] or "none",
            _ages(part["ages"]),
            _counts(part["sexes"]),
            _counts(part["views"]),
        )
        for part in facts["parts"]
    ]
    return table(("source", "split", "age in years", "sex", "view"), rows)


def _preparation(installed: InstalledBundle) -> list[str]:
    values = installed.bundle.preprocessing
    return [
        f"* Each image is brought to {values.rows} x {values.columns} pixels ({values.fit.value}) and 256 grey levels.",
        f"* What was done to the images before they came into the data set: {BLANK}",
    ]


def _splits(facts: Mapping[str, Any]) -> list[str]:
    folds = sorted({fold for part in facts["parts"] for fold in part["folds"]})
    told = f"Folds: {', '.join(map(str, folds))}." if folds else "There are no folds."
    return [f"{_APART} {told} Cases of the split external were never trained or tuned on."]


def _uses(installed: InstalledBundle) -> list[str]:
    limits = [f"* {limit}" for limit in installed.bundle.limits]
    return ["Education and research. What follows from the data for its use:", "", *limits]


def _distribution(installed: InstalledBundle, facts: Mapping[str, Any]) -> list[str]:
    licences: dict[str, dict[str, int]] = {}
    for part in facts["parts"]:
        for licence, count in part["licences"].items():
            known = licences.setdefault(part["source"], {})
            known[licence] = known.get(licence, 0) + count
    rows = [(source, _counts(counts)) for source, counts in licences.items()]
    hashed = sum(part["hashed"] for part in facts["parts"])
    return [
        *table(("source", "licence as the data set gives it: images"), rows),
        "",
        f"Terms that could not be verified, of those trained on: {', '.join(unverified_sources(installed)) or 'none'}.",
        "",
        f"No image is redistributed. {hashed} of {facts['cases']} images have a SHA-256 in the manifest.",
        "",
        f"Who keeps the data, and how errors in it are told: {BLANK}",
    ]


def _ages(ages: Mapping[str, Any] | None) -> str:
    if ages is None:
        return "not given"
    return f"{ages['lowest']:g} to {ages['highest']:g}, median {ages['median']:g} ({ages['known']} known)"


def _counts(counts: Mapping[str, int]) -> str:
    names: Sequence[str] = list(counts)
    return "not given" if names == ["not given"] else ", ".join(f"{name}: {counts[name]}" for name in names)
