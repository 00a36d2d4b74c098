"""Files of a study: evaluation.json, the answer to every case, and a picture of the curves."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import metadata
from pathlib import Path

import matplotlib.axes
import matplotlib.figure
import pyarrow
import pyarrow.parquet

from radiolens.data.manifest import Case
from radiolens.evaluation.calibration import reliability_bins
from radiolens.evaluation.discrimination import auprc, auroc, precision_recall_curve, roc_curve
from radiolens.task import Task
from radiolens.validation.questions import Question, Scored

__all__ = [
    "as_json",
    "deciding_versions",
    "draw_curves",
    "plain_json",
    "write_evaluation",
    "write_predictions",
]

_DECIDING = ("radiolens", "numpy", "onnxruntime", "scikit-learn", "scipy")
"""The packages whose version may move a figure: reading, network, control and intervals."""

_INCHES_OF_ROW = (16.5, 7.5)
"""Three square axes side by side with their legends below, readable at the width of a screen."""

_FEWEST_PER_BIN = 10
"""Points of fewer cases jump at random and are not drawn."""


def deciding_versions() -> dict[str, str]:
    """Return the versions of the packages that may move a figure, by name."""
    return {name: metadata.version(name) for name in _DECIDING}


def as_json(study: object) -> dict[str, object]:
    """Return a study, or another dataclass of measures, as an object for JSON; a measure not defined is null."""
    plain = plain_json(study)
    assert isinstance(plain, dict)  # noqa: S101  asdict of a dataclass is a dict
    return plain


def plain_json(value: object) -> object:
    """Return dataclasses, mappings and sequences of them as JSON knows them; a number that is not finite is null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain_json(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_evaluation(content: Mapping[str, object], folder: Path) -> Path:
    """Write evaluation.json from an object for JSON and return its path; what stood there is replaced at once."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "evaluation.json"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(partial, file)
    return file


def write_predictions(task: Task, scored: Scored, folder: Path) -> Path:
    """Write predictions.parquet, one row per case: path, source, split, fold, what is annotated, the probabilities.

    What is not annotated, and the probability of a label that the bundle does not know, is null.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "predictions.parquet"
    cases = scored.cases
    columns: dict[str, pyarrow.Array] = {
        name: pyarrow.array([getattr(case, name) for case in cases], kind)
        for name, kind in (
            ("path", pyarrow.string()),
            ("source", pyarrow.string()),
            ("split", pyarrow.string()),
            ("fold", pyarrow.int64()),
        )
    }
    columns |= _annotations(task, cases)
    for name, probabilities in zip(task.label_names, scored.probabilities.T, strict=True):
        columns[f"probability:{name}"] = pyarrow.array(probabilities, pyarrow.float64(), from_pandas=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file


def draw_curves(asked: Sequence[Question], folder: Path) -> Path:
    """Draw ROC, precision-recall and reliability of each question that both classes answer, to curves.png.

    What is asked stands in a row, its sources side by side in one picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[Question]] = {}
    for question in asked:
        if question.truth.any() and not question.truth.all():
            rows.setdefault(question.name, []).append(question)
    width, height = _INCHES_OF_ROW
    figure = matplotlib.figure.Figure(figsize=(width, height * max(len(rows), 1)), layout="constrained")
    for axes, (name, questions) in zip(
        figure.subplots(max(len(rows), 1), 3, squeeze=False), rows.items(), strict=False
    ):
        _draw_row(tuple(axes), name, questions)
    file = folder / "curves.png"
    figure.savefig(file, dpi=120, bbox_inches="tight")
    return file


def _annotations(task: Task, cases: Sequence[Case]) -> dict[str, pyarrow.Array]:
    if task.exclusive:
        told = ["|".join(name for name in task.label_names if name in case.possible) or None for case in cases]
        return {"label": pyarrow.array(told, pyarrow.string())}
    return {
        f"label:{name}": pyarrow.array([case.labels.get(name) for case in cases], pyarrow.int64())
        for name in task.label_names
    }


def _draw_row(axes: tuple[matplotlib.axes.Axes, ...], name: str, questions: Sequence[Question]) -> None:
    roc, recall, reliability = axes
    for number, question in enumerate(questions):
        colour = f"C{number % 10}"  # the same in the row; matplotlib's cycle has ten
        truth, scores, title = question.truth, question.scores, f"{question.source} ({question.truth.size})"
        roc.plot(*roc_curve(truth, scores), color=colour, label=f"{title}: AUROC {auroc(truth, scores):.3f}")
        curve = precision_recall_curve(truth, scores)
        label = f"{title}: AUPRC {auprc(truth, scores):.3f}"
        recall.plot(*curve, color=colour, drawstyle="steps-pre", label=label)
        points = [point for point in reliability_bins(truth, scores) if point.count >= _FEWEST_PER_BIN]
        x, y = [point.probability for point in points], [point.observed for point in points]
        reliability.plot(x, y, color=colour, marker="o", markersize=3, label=title)
    roc.set(xlabel="1 - specificity", ylabel="sensitivity", title=f"{name}: ROC")
    recall.set(xlabel="sensitivity", ylabel="PPV", title=f"{name}: precision and recall")
    reliability.set(xlabel="mean probability", ylabel="observed share", title=f"{name}: reliability, equal-mass bins")
    for each in axes:
        if each is not recall:
            each.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
        each.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
        each.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12))  # below: on no curve
