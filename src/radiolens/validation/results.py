"""Files of a study: evaluation.json, the answer to every case, and a picture of the curves."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
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
from radiolens.validation.study import Study

__all__ = ["as_json", "draw_curves", "write_predictions", "write_study"]

_INCHES = (16.5, 5.0)
"""Three square axes side by side, readable at the width of a screen."""

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
    """Draw ROC and precision-recall of each question that both classes answer, and the reliability, to curves.png."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = matplotlib.figure.Figure(figsize=_INCHES, layout="constrained")
    roc, recall, reliability = figure.subplots(1, 3)
    for number, question in enumerate(asked):
        colour = f"C{number % 10}"  # the same everywhere; matplotlib's cycle has ten
        _draw_areas(roc, recall, question, colour)
        _draw_reliability(reliability, question, colour)
    roc.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC")
    recall.set(xlabel="sensitivity", ylabel="PPV", title="Precision and recall")
    reliability.set(xlabel="mean probability", ylabel="observed share", title="Reliability, bins of equal mass")
    for axes in (roc, reliability):
        axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    for axes in (roc, recall, reliability):
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
    file = folder / "curves.png"
    figure.savefig(file, dpi=120)
    return file


def _annotations(task: Task, cases: Sequence[Case]) -> dict[str, pyarrow.Array]:
    if task.exclusive:
        told = ["|".join(name for name in task.label_names if name in case.possible) or None for case in cases]
        return {"label": pyarrow.array(told, pyarrow.string())}
    return {
        f"label:{name}": pyarrow.array([case.labels.get(name) for case in cases], pyarrow.int64())
        for name in task.label_names
    }


def _draw_areas(roc: matplotlib.axes.Axes, recall: matplotlib.axes.Axes, question: Question, colour: str) -> None:
    area = auroc(question.truth, question.scores)
    if math.isnan(area):
        return
    title = _title(question)
    roc.plot(*roc_curve(question.truth, question.scores), color=colour, label=f"{title}: AUROC {area:.3f}")
    precise = f"{title}: AUPRC {auprc(question.truth, question.scores):.3f}"
    curve = precision_recall_curve(question.truth, question.scores)
    recall.plot(*curve, color=colour, drawstyle="steps-pre", label=precise)


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
