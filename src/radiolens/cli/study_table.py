"""The figures of a study as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["study_table"]


def study_table(study: Mapping[str, Any]) -> str:
    """Return the figures of a study, as evaluation.json has them, as lines for a terminal."""
    wide = max((len(row["source"]) for row in study["binary"]), default=0)
    header = (
        f"{'question':<14} {'source':<{wide}} {'yes':>5} {'no':>5}  {'AUROC (DeLong)':<22} "
        f"{'control':>8} {'trained':>8}  {'sensitivity':<22} {'specificity':<22} {'ECE':>5}"
    )
    averages = [
        f"{row['question']}: mean {row['measure']} of {', '.join(row['sources'])}: {_told(row['interval'])}"
        for row in study["averages"]
    ]
    types = [
        f"type of {row['source']} ({row['cases']} cases): macro-F1 {_told(row['macro_f1'])}" for row in study["types"]
    ]
    rows = (_line(row, wide) for row in study["binary"])
    return "\n".join([header, *rows, *averages, *_lowest(study), *types, *_within_folds(study)])


def _line(row: Mapping[str, Any], wide: int) -> str:
    controls = row["controls"]
    return (
        f"{row['question']:<14} {row['source']:<{wide}} {row['positives']:>5} {row['negatives']:>5}  "
        f"{_told(row['auroc']):<22} {_number(controls['out_of_fold']['estimate']):>8} "
        f"{_number(controls['trained']['estimate']):>8}  {_told(row['sensitivity']):<22} "
        f"{_told(row['specificity']):<22} {_number(row['expected_calibration_error']):>5}"
    )


def _lowest(study: Mapping[str, Any]) -> Iterator[str]:
    for entry in study["subgroups"]:
        for group in entry["groups"]:
            if group["name"] == entry["lowest_auroc"]:
                yield (
                    f"{entry['question']}, {entry['source']}: lowest AUROC by {entry['attribute']}: "
                    f"{group['name']} ({group['support']} images) {_told(group['interval'])}"
                )


def _within_folds(study: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a cross-validation measured within its folds; other studies have nothing of it."""
    found = study.get("within_folds") or {"contrasts": [], "types": []}
    for row in found["contrasts"]:
        controls = "; ".join(f"{each['name']} {_told(each['auroc'])}" for each in row["controls"])
        yield (
            f"{row['question']}, {row['contrast']} ({row['positives']} and {row['negatives']}, {row['networks']} "
            f"networks): AUROC within folds {_told(row['auroc'])}; {controls}"
        )
    for row in found["types"]:
        yield (
            f"type of {row['source']}: macro-F1 {_told(row['macro_f1'])}, borders and brightness "
            f"{_told(row['control'])}, difference {_told(row['difference'])}"
        )


def _told(interval: Mapping[str, Any]) -> str:
    if interval["estimate"] is None:
        return "-"
    return f"{_number(interval['estimate'])} ({_number(interval['low'])}-{_number(interval['high'])})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
