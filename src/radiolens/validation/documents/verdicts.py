"""What the studies beside the figures found, as sentences: the same in card, checklist and report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from radiolens.validation.documents.figures import Evaluation, interval, measure_name

__all__ = ["NOT_MEASURED", "random_label_verdicts", "split_verdicts", "verdicts"]

NOT_MEASURED = "Not measured in this evaluation."


def verdicts(study: Evaluation) -> Mapping[str, list[str]]:
    """Return the sentences by the title of their section; empty for an evaluation that knows no such studies."""
    if "feature_studies" not in study:
        return {}
    features, tests = study["feature_studies"], study.get("explanations")
    return {
        "Does the source give the answer away?": [*_source_probe(features), *_held_out(features)],
        "Random labels, and splits that ignore patients": [*_checks(features)],
        "Robustness": [*_robustness(study.get("robustness"))],
        "Explanations": [*_explanations(tests)],
    }


def random_label_verdicts(features: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each row on random labels."""
    return _named(features["random_labels"], "question", "source")


def split_verdicts(features: Mapping[str, Any]) -> list[str]:
    """Return what was found of splits that ignore patients: of each question the row in which they pretend most."""
    worst: dict[str, Mapping[str, Any]] = {}
    for row in features["cross_validation"]:
        known = worst.get(row["question"])
        if known is None or _pretended(row) > _pretended(known):
            worst[row["question"]] = row
    return _named(list(worst.values()), "question", "source", "head", "measure")


def _pretended(row: Mapping[str, Any]) -> float:
    low = row["difference"]["low"]
    return -1.0 if low is None else float(low)


def _named(rows: Sequence[Mapping[str, Any]], *keys: str) -> list[str]:
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["verdict"], []).append(", ".join(measure_name(str(row[key])) for key in keys))
    return [f"{'; '.join(those)}: {verdict}" for verdict, those in names.items()]


def _source_probe(features: Mapping[str, Any] | None) -> Iterator[str]:
    if features is None:
        yield NOT_MEASURED
        return
    yield from (entry["verdict"] for entry in features["source_probe"]["answers"])


def _held_out(features: Mapping[str, Any] | None) -> Iterator[str]:
    for row in features["source_held_out"] if features else ():
        yield (
            f"{row['question']}, {row['source']}: a linear head fitted without this source reaches AUROC "
            f"{interval(row['auroc'])} there, {interval(row['inside'])} if other patients of it are among the training "
            f"cases; borders and brightness {interval(row['control'])}."
        )


def _checks(features: Mapping[str, Any] | None) -> Iterator[str]:
    if features is None:
        yield NOT_MEASURED
        return
    yield from random_label_verdicts(features)
    yield from split_verdicts(features)
    for row in features["slice_position"]:
        yield (
            f"{row['question']}, {row['source']}: the position of a slice alone reaches AUROC {interval(row['auroc'])}."
        )
    yield from features["notes"]


def _robustness(curves: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    """Yield a sentence for each question: what is left at the last level of each change."""
    if not curves:
        yield NOT_MEASURED
        return
    for question in dict.fromkeys(curve["question"] for curve in curves):
        own = [curve for curve in curves if curve["question"] == question]
        last = [(curve, curve["levels"][-1]) for curve in own]
        told = [f"{curve['corruption']} {level['value']:g} {interval(level['auroc'])}" for curve, level in last]
        yield (
            f"{question} ({own[0]['positives']} + {own[0]['negatives']} images): AUROC "
            f"{interval(own[0]['levels'][0]['auroc'])} unchanged; with {', '.join(told)}."
        )


def _explanations(tests: Mapping[str, Any] | None) -> Iterator[str]:
    yield NOT_MEASURED if tests is None else tests["verdict"]
