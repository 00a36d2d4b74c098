"""Files of a study: evaluation.json, the answer to every case, and a picture of the curves."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import matplotlib.axes
import matplotlib.figure

from radiolens.evaluation.calibration import reliability_bins
from radiolens.evaluation.discrimination import auroc, roc_curve
from radiolens.task import Task
from radiolens.validation.questions import Question, Scored
from radiolens.validation.study import Study

__all__ = ["as_json", "draw_curves", "write_predictions", "write_study"]

_INCHES = (11.0, 5.0)
"""Two square axes side by side, readable at the width of a page."""

_FEWEST_PER_BIN = 10
"""Points of fewer cases jump at random and are not drawn."""


def as_json(study: Study) -> dict[str, object]:
    """Return a study as an object for JSON; a measure that is not defined is null."""
    plain = _plain(asdict(study))
    assert isinstance(plain, dict)  # noqa: S101  asdict of a dataclass is a dict
    return plain


def write_study(study: Study, folder: Path) -> Path:
    """Write evaluation.json and return its path; what stood there before is replaced at once."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "evaluation.json"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(as_json(study), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(partial, file)
    return file


def write_predictions(task: Task, scored: Scored, folder: Path) -> Path:
    """Write predictions.csv, one row per case: path, source, what is annotated, and the probability of each label."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "predictions.csv"
    annotated = ["label"] if task.exclusive else [f"label:{name}" for name in task.label_names]
    header = ["path", "source", *annotated, *(f"probability:{name}" for name in task.label_names)]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for case, row in zip(scored.cases, scored.probabilities, strict=True):
            told = (
                ["|".join(name for name in task.label_names if name in case.possible)]
                if task.exclusive
                else [case.labels.get(name) for name in task.label_names]
            )
            # Nine digits tell any two float32 answers apart.
            writer.writerow([case.path, case.source, *told, *(f"{value:.9g}" for value in row)])
    return file


def draw_curves(asked: Sequence[Question], folder: Path) -> Path:
    """Draw the ROC curve of each question that both classes answer, and the reliability of each, to curves.png."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = matplotlib.figure.Figure(figsize=_INCHES, layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, question in enumerate(asked):
        colour = f"C{number % 10}"  # the same on both sides; matplotlib's cycle has ten
        _draw_roc(left, question, colour)
        _draw_reliability(right, question, colour)
    left.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC")
    right.set(xlabel="mean probability", ylabel="observed share", title="Reliability, bins of equal mass")
    for axes in (left, right):
        axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
    file = folder / "curves.png"
    figure.savefig(file, dpi=120)
    return file


def _draw_roc(axes: matplotlib.axes.Axes, question: Question, colour: str) -> None:
    area = auroc(question.truth, question.scores)
    if math.isnan(area):
        return
    curve = roc_curve(question.truth, question.scores)
    axes.plot(*curve, color=colour, label=f"{_title(question)}: AUROC {area:.3f}")


def _draw_reliability(axes: matplotlib.axes.Axes, question: Question, colour: str) -> None:
    points = reliability_bins(question.truth, question.scores)
    drawn = [point for point in points if point.count >= _FEWEST_PER_BIN]
    if drawn:
        x, y = [point.probability for point in drawn], [point.observed for point in drawn]
        axes.plot(x, y, color=colour, marker="o", markersize=3, label=_title(question))


def _title(question: Question) -> str:
    return f"{question.name}, {question.source} ({question.truth.size})"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
