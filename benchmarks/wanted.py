"""What a release was to reach on data that it was never trained or tuned on, and where its evidence tells of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import tried
from radiolens.validation.documents.figures import Evaluation, interval, number

__all__ = ["CRITERIA", "OUT_OF_FOLD", "RELEASE", "Criterion", "Figure"]

RELEASE, OUT_OF_FOLD = "evaluation.json", "out-of-fold/evaluation.json"
"""In a bundle's evidence: of the released network on its test split, and of one network for each fold."""

_BORDERS = "borders and brightness"

_Interval = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One measured figure: an interval as evaluation.json has it, whether it is met, and its control in words."""

    name: str
    value: _Interval
    met: bool
    control: str = "-"


@dataclass(frozen=True)
class Criterion:
    """One line of what was wanted, of the newest bundle of a name.

    `figures` yields what the evaluation in `file` of its evidence tells of it; nothing if it does not. Then RELEASE is
    asked. `tried` says why it is missed and what was tried, where it is.
    """

    what: str
    wanted: str
    bundle: str
    file: str
    figures: Callable[[Evaluation], Iterator[Figure]]
    tried: str = ""


def _estimate(value: _Interval | None) -> float | None:
    return None if value is None else value.get("estimate")


def _within(value: _Interval | None, low: float, high: float) -> bool:
    estimate = _estimate(value)
    return estimate is not None and low <= estimate <= high


def _controls(row: Mapping[str, Any]) -> str:
    return "; ".join(f"{control['name']} {interval(control['auroc'])}" for control in row["controls"]) or "-"


def _binary(study: Evaluation, question: str, source: str) -> Iterator[Mapping[str, Any]]:
    yield from (row for row in study["binary"] if (row["question"], row["source"]) == (question, source))


def _auroc(question: str, source: str, least: float) -> Callable[[Evaluation], Iterator[Figure]]:
    """Return how a yes-no question on one source is read from the evaluation of a released network."""

    def figures(study: Evaluation) -> Iterator[Figure]:
        for row in _binary(study, question, source):
            control = f"{_BORDERS} {interval(row['controls']['out_of_fold'])}"
            yield Figure("", row["auroc"], _within(row["auroc"], least, 1.0), control)

    return figures


def _measure(question: str, source: str, key: str, low: float, high: float) -> Callable[[Evaluation], Iterator[Figure]]:
    def figures(study: Evaluation) -> Iterator[Figure]:
        for row in _binary(study, question, source):
            if row.get(key) is not None:
                yield Figure("", row[key], _within(row[key], low, high))

    return figures


def _contrasts(
    question: str, names: tuple[str, ...], low: float, high: float = 1.0
) -> Callable[[Evaluation], Iterator[Figure]]:
    """Return how contrasts are read, of a cross-validation or of one network; all of them must be there."""

    def figures(study: Evaluation) -> Iterator[Figure]:
        rows = {row["contrast"]: row for row in _contrasted(study) if row["question"] == question}
        if set(names) <= rows.keys():
            for name in names:
                value = rows[name]["auroc"]
                yield Figure(name, value, _within(value, low, high), _controls(rows[name]))

    return figures


def _above_control(question: str, name: str) -> Callable[[Evaluation], Iterator[Figure]]:
    """Return how the paired difference of network and control is read: its lower end must be above 0."""

    def figures(study: Evaluation) -> Iterator[Figure]:
        for row in _contrasted(study):
            if (row["question"], row["contrast"]) == (question, name):
                for control in row["controls"]:
                    difference = control["difference"]
                    met = difference["low"] is not None and difference["low"] > 0
                    yield Figure(f"above {control['name']}", difference, met, interval(control["auroc"]))

    return figures


def _contrasted(study: Evaluation) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (study.get("within_folds") or study).get("contrasts") or []
    return found


def _macro_f1(source: str, least: float) -> Callable[[Evaluation], Iterator[Figure]]:
    def figures(study: Evaluation) -> Iterator[Figure]:
        for row in (study.get("within_folds") or {"types": []})["types"]:
            if row["source"] == source:
                value = row["macro_f1"]
                yield Figure("", value, _within(value, least, 1.0), f"{_BORDERS} {interval(row['control'])}")

    return figures


def _coverage(task_answers: tuple[tuple[str, str], ...], least: float) -> Callable[[Evaluation], Iterator[Figure]]:
    """Return how the coverage of prediction sets is read: its lower end must reach `least` for each (answer, source).

    An answer is a label with its presence, as `pneumonia present`. All of them must be there.
    """

    def figures(study: Evaluation) -> Iterator[Figure]:
        found = [*study.get("prediction_sets", []), *(study.get("within_folds") or {}).get("prediction_sets", [])]
        rows = {(f"{row['label']} {row['presence']}", row["source"]): row for row in found}
        if set(task_answers) <= rows.keys():
            for answer, source in task_answers:
                row = rows[answer, source]
                met = row["coverage"]["low"] is not None and row["coverage"]["low"] >= least
                yield Figure(f"{answer}, {source}", row["coverage"], met, f"mean set size {interval(row['size'])}")

    return figures


def _selective(kind: str, source: str, question: str = "") -> Callable[[Evaluation], Iterator[Figure]]:
    """Return how the ratio of errors among the surest 80 % to those among all is read, of `binary` or `types`."""

    def figures(study: Evaluation) -> Iterator[Figure]:
        for row in study.get(kind, []):
            errors = row.get("selective")
            if errors and row["source"] == source and row.get("question", "") == question:
                told = f"errors {number(errors['kept'])} among the surest, {number(errors['all'])} of all"
                yield Figure("", errors["ratio"], _within(errors["ratio"], 0.0, 0.5), told)

    return figures


def _types(source: str, key: str, low: float, high: float) -> Callable[[Evaluation], Iterator[Figure]]:
    def figures(study: Evaluation) -> Iterator[Figure]:
        for row in study.get("types", []):
            if row["source"] == source and row.get(key) is not None:
                yield Figure("", row[key], _within(row[key], low, high))

    return figures


def _pointing(study: Evaluation) -> Iterator[Figure]:
    """Yield how much oftener the released network's maps find the mask than each prior does.

    In the pointing game a place up to 15 pixels off counts (Zhang et al. 2018): `near`. What lies strictly inside the
    mask is told beside it.
    """
    tests = study.get("explanations") or {"localisation": []}
    for row in tests["localisation"]:
        if (row["maps"], row["label"]) == ("activation map", "all"):
            for prior in row["priors"]:
                difference = prior["near_difference"]
                met = difference["low"] is not None and difference["low"] > 0
                strict = prior["pointing_difference"]
                yield Figure(
                    f"above {prior['name']}",
                    difference,
                    met,
                    f"{interval(row['near'])}, {prior['name']} {interval(prior['near'])}; strictly inside the mask "
                    f"{interval(row['pointing'])}, {prior['name']} {interval(prior['pointing'])}, difference "
                    f"{interval(strict)}",
                )


def _junk_refused(study: Evaluation) -> Iterator[Figure]:
    """Yield the share that the gate refuses of each folder of pictures of no task; lateral films are the hardest."""
    control = (study.get("control") or {}).get("refused", {})
    for row in study.get("others", []):
        least = 0.90 if "lateral" in row["group"] else 0.98
        told = f"{_BORDERS} {interval(control.get(row['group']))}"
        yield Figure(f"{row['group']} ({row['count']})", row["refused"], _within(row["refused"], least, 1.0), told)


def _genuine_refused(study: Evaluation) -> Iterator[Figure]:
    if "all_genuine" in study:
        row = study["all_genuine"]
        yield Figure(f"{row['count']} images", row["refused"], _within(row["refused"], 0.0, 0.02))


def _defects_refused(study: Evaluation) -> Iterator[Figure]:
    for row in study.get("defects", []):
        yield Figure(f"{row['group']} ({row['count']})", row["right_code"], _within(row["right_code"], 0.95, 1.0))


_ADULTS = "nih, 18 and older"
_TB = "tuberculosis"

CRITERIA = (
    Criterion(
        "pneumonia, official Guangzhou test, AUROC",
        "0.980",
        "chest-xray",
        RELEASE,
        _auroc("pneumonia", "guangzhou", 0.980),
    ),
    Criterion(
        "the same, balanced accuracy at the validation threshold",
        "0.87",
        "chest-xray",
        RELEASE,
        _measure("pneumonia", "guangzhou", "balanced_accuracy_interval", 0.87, 1.0),
    ),
    Criterion(
        "pneumonia out of fold, AUROC",
        "0.86",
        "chest-xray",
        OUT_OF_FOLD,
        _contrasts("pneumonia", (_ADULTS,), 0.86),
        tried=tried.ADULTS,
    ),
    Criterion(
        "the same less its control",
        "lower bound above 0",
        "chest-xray",
        OUT_OF_FOLD,
        _above_control("pneumonia", _ADULTS),
        tried=tried.ADULTS,
    ),
    Criterion(
        "pneumonia out of fold within one view, AUROC",
        "0.80 each",
        "chest-xray",
        OUT_OF_FOLD,
        _contrasts("pneumonia", (f"{_ADULTS}, AP", f"{_ADULTS}, PA"), 0.80),
    ),
    Criterion(
        "tuberculosis of another country, AUROC",
        "0.92 each",
        "chest-xray",
        OUT_OF_FOLD,
        _contrasts(_TB, ("tbx11k against nih", "tbx11k against nih with pneumonia"), 0.92),
        tried=tried.TB,
    ),
    Criterion(
        "tuberculosis score of two hospitals' normal films, AUROC",
        "0.35 to 0.65",
        "chest-xray",
        OUT_OF_FOLD,
        _contrasts(_TB, ("normal cases of nih against tb-collection",), 0.35, 0.65),
    ),
    Criterion(
        "tumour type out of fold, figshare, macro-F1", "0.90", "brain-mri", OUT_OF_FOLD, _macro_f1("figshare", 0.90)
    ),
    Criterion(
        "tumour against none out of fold, AUROC",
        "0.93",
        "brain-mri",
        OUT_OF_FOLD,
        _contrasts("any finding", ("web",), 0.93),
    ),
    Criterion(
        "haemorrhage out of fold, AUROC", "0.97", "brain-ct", OUT_OF_FOLD, _contrasts("haemorrhage", ("sich",), 0.97)
    ),
    Criterion(
        "gate, pictures of no task refused by `auto`", "0.98; lateral films 0.90", "gate", RELEASE, _junk_refused
    ),
    Criterion("gate, genuine test images refused by `auto`", "at most 0.02", "gate", RELEASE, _genuine_refused),
    Criterion(
        "gate, generated defects refused with the right code",
        "0.95 each",
        "gate",
        RELEASE,
        _defects_refused,
        tried=tried.ROTATED,
    ),
    Criterion(
        "calibration error, Guangzhou test",
        "at most 0.08",
        "chest-xray",
        RELEASE,
        _measure("pneumonia", "guangzhou", "expected_calibration_error_interval", 0.0, 0.08),
    ),
    Criterion(
        "calibration error out of fold, brain CT",
        "at most 0.06",
        "brain-ct",
        OUT_OF_FOLD,
        _measure("haemorrhage", "sich", "expected_calibration_error_interval", 0.0, 0.06),
    ),
    Criterion(
        "calibration error out of fold, tumour type",
        "at most 0.06",
        "brain-mri",
        OUT_OF_FOLD,
        _types("figshare", "expected_calibration_error_interval", 0.0, 0.06),
    ),
    Criterion(
        "prediction sets of 90 % out of fold, chest, lower bound of coverage",
        "0.85 each",
        "chest-xray",
        OUT_OF_FOLD,
        _coverage(
            (
                ("pneumonia absent", "nih"),
                ("pneumonia present", "nih"),
                ("tuberculosis absent", "tb-collection"),
                ("tuberculosis present", "tb-collection"),
            ),
            0.85,
        ),
    ),
    Criterion(
        "prediction sets of 90 % out of fold, brain MR, lower bound of coverage",
        "0.85 each",
        "brain-mri",
        OUT_OF_FOLD,
        _coverage(
            (
                ("glioma present", "all"),
                ("meningioma present", "all"),
                ("pituitary present", "all"),
                ("no_tumour present", "web"),
            ),
            0.85,
        ),
    ),
    Criterion(
        "prediction sets of 90 % out of fold, brain CT, lower bound of coverage",
        "0.85 each",
        "brain-ct",
        OUT_OF_FOLD,
        _coverage((("haemorrhage absent", "sich"), ("haemorrhage present", "sich")), 0.85),
    ),
    Criterion(
        "errors among the surest 80 % to all, pneumonia in adults out of fold",
        "at most 0.5",
        "chest-xray",
        OUT_OF_FOLD,
        _selective("binary", "nih", "pneumonia"),
        tried=tried.SUREST,
    ),
    Criterion(
        "errors among the surest 80 % to all, pneumonia, Guangzhou test",
        "at most 0.5",
        "chest-xray",
        RELEASE,
        _selective("binary", "guangzhou", "pneumonia"),
    ),
    Criterion(
        "errors among the surest 80 % to all, tumour type out of fold",
        "at most 0.5",
        "brain-mri",
        OUT_OF_FOLD,
        _selective("types", "figshare"),
    ),
    Criterion(
        "errors among the surest 80 % to all, haemorrhage out of fold",
        "at most 0.5",
        "brain-ct",
        OUT_OF_FOLD,
        _selective("binary", "sich", "haemorrhage"),
    ),
    Criterion(
        "activation maps, pointing game on tumour masks (15 of 224 pixels off count)",
        "above both priors",
        "brain-mri",
        RELEASE,
        _pointing,
    ),
    Criterion(
        "activation maps, pointing game on haemorrhage masks (15 of 224 pixels off count)",
        "above both priors",
        "brain-ct",
        RELEASE,
        _pointing,
    ),
)
"""The lines in the order of the issue."""
