"""The CLAIM checklist, filled as far as the run and the bundle tell.

Tejani et al. 2024, Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 Update, Radiology: Artificial
Intelligence 6(4):e240300, doi:10.1148/ryai.240300: 44 items. Their titles here are our own short words; the article
says what each asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from radiolens.bundle import Bundle, InstalledBundle
from radiolens.task import Task
from radiolens.tasks import get_task
from radiolens.validation.documents.author_notes import BLANK, author_notes
from radiolens.validation.documents.figures import Evaluation, control, evaluations, interval
from radiolens.validation.documents.verdicts import verdicts

__all__ = ["ITEMS", "Item", "claim"]


@dataclass(frozen=True)
class Item:
    """One item of the checklist: its number, the part of a paper it belongs to, what it is about."""

    number: int
    part: str
    about: str


_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Title and abstract", ("Title names the kind of AI", "Structured abstract")),
    ("Introduction", ("Background, intended use and clinical role", "Aims and hypotheses")),
    ("Methods: design", ("Prospective or retrospective", "Goal of the study")),
    (
        "Methods: data",
        (
            "Data sources",
            "Inclusion and exclusion",
            "Preprocessing",
            "Selection of subsets",
            "De-identification",
            "Missing data",
            "Image acquisition",
        ),
    ),
    (
        "Methods: reference standard",
        (
            "Definition of the reference standard",
            "Why this reference standard",
            "Annotators",
            "How the test data were annotated",
            "Variability between and within annotators",
        ),
    ),
    ("Methods: partitions", ("How cases were assigned to partitions", "Level at which partitions are disjoint")),
    ("Methods: test data", ("Intended sample size",)),
    ("Methods: model", ("Description of the model", "Software", "Initial parameters")),
    ("Methods: training", ("Training", "Choice of the final model", "Ensembles")),
    (
        "Methods: evaluation",
        (
            "Measures of performance",
            "Measures of uncertainty and tests",
            "Robustness",
            "Explanations",
            "Internal testing",
            "External testing",
            "Registration of a trial",
        ),
    ),
    ("Results: data", ("Numbers included and excluded", "Who is in each partition")),
    (
        "Results: performance",
        ("Performance on every partition", "Accuracy with intervals", "Analysis of the errors"),
    ),
    ("Discussion", ("Limitations", "What follows for practice")),
    ("Other", ("Protocol and technical details", "Availability of software, model and data", "Funding")),
)

_ABOUT = (
    "Tejani et al. 2024, Radiology: Artificial Intelligence 6(4):e240300, doi:10.1148/ryai.240300. The items are named "
    "in our own words. What is filled in was written from the run, as material for a manuscript."
)

ITEMS = tuple(
    Item(number, part, about)
    for number, (part, about) in enumerate(((part, about) for part, items in _PARTS for about in items), 1)
)
"""All items in the order of the checklist."""


@dataclass(frozen=True, eq=False)
class _Facts:
    installed: InstalledBundle
    study: Evaluation

    @property
    def bundle(self) -> Bundle:
        return self.installed.bundle

    @property
    def task(self) -> Task:
        return get_task(self.bundle.task)

    @property
    def settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.study["settings"]
        return settings

    @property
    def parts(self) -> list[Mapping[str, Any]]:
        parts: list[Mapping[str, Any]] = self.study["dataset"]["parts"]
        return parts


def claim(installed: InstalledBundle, evidence: Path) -> str:
    """Return the checklist as Markdown; empty without an evaluation that holds the facts of its manifest."""
    study = evaluations(evidence).get("evaluation.json", {})
    if study.get("dataset") is None:
        return ""
    facts = _Facts(installed, study)
    lines = [
        f"# CLAIM 2024 for {installed.bundle.name} {installed.bundle.version}",
        "",
        _ABOUT,
        "",
    ]
    notes = author_notes(evidence)
    for part, _ in _PARTS:
        lines += [f"## {part}", ""]
        for item in (item for item in ITEMS if item.part == part):
            text = _ANSWERS.get(item.number, _blank)(facts)
            told = notes.get(f"claim {item.number}", BLANK)
            filled = text.replace(BLANK, told) if BLANK in text else f"{text} {notes.get(f'claim {item.number}', '')}"
            lines += [f"{item.number}. **{item.about}.** {filled.strip()}"]
        lines += [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _blank(facts: _Facts) -> str:
    """Return what stands in an item that only the author can fill."""
    return BLANK


def _sources(facts: _Facts) -> str:
    names = dict.fromkeys(part["source"] for part in facts.parts)
    return f"{', '.join(names)}; licences and counts in datasheet.md. Links and citations: {BLANK}"


def _missing(facts: _Facts) -> str:
    empty = [
        f"{row['label']} of {part['source']} ({part['split'] or 'no split'}): {row['not_annotated']}"
        for part in facts.parts
        for row in part["labels"]
        if row["not_annotated"]
    ]
    told = f" Not annotated: {'; '.join(empty)}." if empty else " Every case is annotated for every label."
    return f"What is not annotated counts as unknown, never as absent, in training and evaluation.{told}"


def _preprocessing(facts: _Facts) -> str:
    values = facts.bundle.preprocessing
    return (
        f"{values.rows} x {values.columns} pixels ({values.fit.value}), {values.channels} channel(s), grey levels less "
        f"{values.offset:g}, by {values.scale:g}; the same code in training, evaluation and serving."
    )


def _partitions(facts: _Facts) -> str:
    counts = "; ".join(f"{part['source']} {part['split'] or 'no split'} {part['cases']}" for part in facts.parts)
    return f"Images: {counts}. How they were assigned: {BLANK}"


def _disjoint(facts: _Facts) -> str:
    known = {part["source"] for part in facts.parts if part["patients"]}
    grouped = {part["source"] for part in facts.parts if part["duplicate_groups"]} - known
    neither = {part["source"] for part in facts.parts} - known - grouped
    told = [
        f"by {what}: {', '.join(sorted(names))}"
        for what, names in (
            ("patient", known),
            ("group of duplicates only", grouped),
            ("the data set's own folds or image", neither),
        )
        if names
    ]
    return f"{'; '.join(told)}. A manifest with a patient or group in two splits is refused."


def _model(facts: _Facts) -> str:
    backbone = facts.bundle.provenance.get("backbone", "not stored")
    end = "softmax over exclusive labels" if facts.bundle.exclusive else "one sigmoid for each finding"
    return (
        f"{backbone}, global average pooling, one dense head, {end}: {', '.join(facts.bundle.labels)}. Stored as ONNX "
        f"with large weights in float16. Identity {facts.installed.sha256}."
    )


def _software(facts: _Facts) -> str:
    environment = facts.bundle.provenance.get("environment", {})
    assert isinstance(environment, Mapping)  # noqa: S101  read_bundle takes any JSON here
    made = ", ".join(f"{name} {value}" for name, value in environment.items() if isinstance(value, str))
    measured = ", ".join(f"{name} {value}" for name, value in facts.settings.get("versions", {}).items())
    return f"Made with {made}. Measured with {measured}."


def _final(facts: _Facts) -> str:
    return f"Thresholds: {facts.bundle.threshold_evidence}. How epoch and settings were chosen: {BLANK}"


def _measures(facts: _Facts) -> str:
    return (
        "AUROC, area under the precision-recall curve, sensitivity, specificity, predictive values and F1 at the "
        "bundle's threshold, Brier score, expected calibration error, decision curve, risk against coverage; beside "
        "each AUROC that of a forest on border and brightness numbers of the same images. All in report.html."
    )


def _uncertainty(facts: _Facts) -> str:
    return (
        "95 % intervals: DeLong for AUROC, Wilson for shares, a bootstrap that draws patients for the rest "
        f"({facts.settings['resamples']} resamples, seed {facts.settings['seed']}). Between two bundles: paired "
        "DeLong and exact McNemar, corrected after Holm."
    )


def _section(title: str) -> Callable[[_Facts], str]:
    return lambda facts: " ".join(verdicts(facts.study)[title])


def _figures_of(facts: _Facts, split: str) -> str:
    sources = {part["source"] for part in facts.parts if part["split"] == split and part["scored"]}
    rows = [row for row in facts.study["binary"] if row["source"].split(" against ")[0] in sources]
    told = [
        f"{row['question']}, {row['source']} ({row['positives']} + {row['negatives']}): "
        f"AUROC {interval(row['auroc'])}, control {interval(control(row))}, "
        f"sensitivity {interval(row['sensitivity'])}, specificity {interval(row['specificity'])}"
        for row in rows
    ]
    return f"{'; '.join(told)}." if told else "None in this evaluation."


def _everywhere(facts: _Facts) -> str:
    return "By source and subgroup in report.html. " + _section("Does the source give the answer away?")(facts)


def _errors(facts: _Facts) -> str:
    count = len(facts.study["largest_errors"])
    return (
        f"Confusion counts of every question and source, and the {count} most confident wrong answers by id, in "
        f"report.html. What they have in common, seen by a reader: {BLANK}"
    )


def _included(facts: _Facts) -> str:
    data = facts.study["dataset"]
    return f"{data['cases']} images are listed, {data['scored']} were scored (datasheet.md). Excluded before: {BLANK}"


_ANSWERS: Mapping[int, Callable[[_Facts], str]] = MappingProxyType(
    {
        1: lambda facts: "Deep learning: a convolutional network for the classification of images.",
        3: lambda facts: f"{facts.task.intended_use} For education and research, no clinical role. Background: {BLANK}",
        5: lambda facts: "Retrospective: data sets that existed before.",
        6: lambda facts: f"A classifier ({', '.join(facts.bundle.labels)}), measured on images it was not made with.",
        7: _sources,
        9: _preprocessing,
        12: _missing,
        14: lambda facts: " ".join(f"{label.name}: {label.definition}" for label in facts.task.labels),
        19: _partitions,
        20: _disjoint,
        22: _model,
        23: _software,
        26: _final,
        27: lambda facts: "None: one network.",
        28: _measures,
        29: _uncertainty,
        30: _section("Robustness"),
        31: _section("Explanations"),
        32: lambda facts: _figures_of(facts, "test"),
        33: lambda facts: _figures_of(facts, "external"),
        34: lambda facts: "None: no trial.",
        35: _included,
        36: lambda facts: "Age, sex and view of each source and split, where given: datasheet.md.",
        37: _everywhere,
        38: lambda facts: f"See 32 and 33. {len(facts.study['binary'])} rows with intervals in report.html.",
        39: _errors,
        40: lambda facts: " ".join(facts.bundle.limits),
        42: lambda facts: f"Command: `{facts.settings.get('command', 'not stored')}`. Every figure: evaluation.json.",
        43: lambda facts: f"Software and network are open (Apache-2.0). The images are not redistributed: {BLANK}",
    }
)
"""What the run can tell, by item; every other item is for the author."""
