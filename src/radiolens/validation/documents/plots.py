"""Curves of a study as SVG, legible on paper and on a dark screen; each is named, so that documents can show it.

Lines differ in colour and in dashes, so that colour-blind readers and black and white prints can tell them apart. In
the file each colour is a variable with a light and a dark value, which follow the reader's theme.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import matplotlib.axes
import matplotlib.figure
import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.discrimination import precision_recall_curve, roc_curve
from radiolens.evaluation.intervals import share_interval
from radiolens.validation.documents.figures import control, plot_name
from radiolens.validation.questions import Question

__all__ = ["draw_plots"]

_INK, _SOFT, _LINE, _PANEL = "#17202a", "#4a5866", "#c6ced6", "#ffffff"
_SERIES = ("#00569c", "#b84300", "#007356", "#8f2f73", "#6b5b00", "#4b4fb5", "#7a3b1d", "#3d4a57")
_DARK: Mapping[str, str] = MappingProxyType(
    {
        _INK: "#e8edf2",
        _SOFT: "#aab6c2",
        _LINE: "#44525f",
        _PANEL: "#1b2229",
        "#00569c": "#6cb8f5",
        "#b84300": "#ff9d66",
        "#007356": "#43d3a5",
        "#8f2f73": "#f3a0d3",
        "#6b5b00": "#e3c94a",
        "#4b4fb5": "#b3b5ff",
        "#7a3b1d": "#e0a98b",
        "#3d4a57": "#b9c4cf",
    }
)
"""The dark value of each colour; all differ from the panel by more than 4.5 to 1, in both themes."""

_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)), (0, (3, 1, 3, 4)))

_STYLE: Mapping[Any, Any] = MappingProxyType(
    {
        "svg.fonttype": "none",  # text stays text: small, and can be searched
        "svg.hashsalt": "radiolens",  # the same names of parts in every run, so that equal plots are equal files
        "font.family": "sans-serif",
        # Verdana has the widths of DejaVu Sans, with which the plot is laid out.
        "font.sans-serif": ["DejaVu Sans", "Verdana"],
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _SOFT,
        "axes.facecolor": _PANEL,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "axes.grid": True,
        "grid.color": _LINE,
        "grid.linewidth": 0.5,
        "figure.facecolor": _PANEL,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.8,
    }
)

_FEWEST_PER_BIN = 5
"""Points of fewer cases jump at random and are not drawn."""

_Draw = Callable[[matplotlib.figure.Figure], None]

_Looks = Mapping[str, int]
"""The number of each source, and so its colour and dashes: the same in every plot of a question."""


def draw_plots(
    asked: Sequence[Question],
    content: Mapping[str, Any],
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Path, ...]:
    """Draw everything that questions and the content of evaluation.json tell to `folder`; other files there go."""
    plots = dict(_plots(asked, content))
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.iterdir():
        if stale.name not in plots:
            stale.unlink()
    for number, (name, (size, draw)) in enumerate(plots.items(), 1):
        (folder / name).write_text(_svg(size, draw), encoding="utf-8")
        progress(number, len(plots))
    return tuple(folder / name for name in plots)


def _plots(asked: Sequence[Question], content: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, _Draw]]]:
    """Yield (name, ((width, height) in inches, how it is drawn)) of each plot."""
    rows: list[Mapping[str, Any]] = content["binary"]
    judged = [row for row in rows if row["auroc"]["estimate"] is not None]
    if judged:
        yield "overview.svg", ((11.5, 1.2 + 0.38 * len(judged)), lambda figure: _overview(figure, judged))
    for name in dict.fromkeys(row["question"] for row in rows):
        questions = [question for question in asked if question.name == name]
        both = [question for question in questions if question.truth.any() and not question.truth.all()]
        own = [row for row in rows if row["question"] == name]
        told = [row for row in own if row["positives"] and row["negatives"]]
        square = (4.6, 4.6 + 0.22 * len(own))
        looks = {row["source"]: number for number, row in enumerate(own)}
        if both:
            yield plot_name("roc", name), (square, _of(_roc, both, looks))
            yield plot_name("precision-recall", name), (square, _of(_precision_recall, both, looks))
            yield plot_name("reliability", name), (square, _of(_reliability, told, looks))
            yield plot_name("decision-curve", name), (square, _of(_decision_curve, told, looks))
        singles = [row for row in own if row.get("histogram")]
        if singles:
            yield plot_name("risk-coverage", name), (square, _of(_risk_coverage, singles, looks))
            sources = [row for row in singles if " against " not in row["source"] and row["source"] != "all"]
            if sources:
                height = 1.2 + 1.2 * len(sources)
                yield plot_name("histograms", name), ((4.6, height), _of(_histograms, sources, looks))
    robustness: Sequence[Mapping[str, Any]] = content.get("robustness") or ()
    for name in dict.fromkeys(curve["question"] for curve in robustness):
        curves = [curve for curve in robustness if curve["question"] == name]
        height = 0.9 + 2.3 * -(-len(curves) // 4)
        yield plot_name("robustness", name), ((11.5, height), _of(_robustness, curves, {}))


def _of(
    draw: Callable[[matplotlib.figure.Figure, Sequence[Any], _Looks], None], what: Sequence[Any], looks: _Looks
) -> _Draw:
    return lambda figure: draw(figure, what, looks)


def _svg(size: tuple[float, float], draw: _Draw) -> str:
    with mpl.rc_context():
        mpl.rcParams.update(_STYLE)
        figure = matplotlib.figure.Figure(figsize=size, layout="constrained")
        draw(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _themed(stream.getvalue())


def _themed(svg: str) -> str:
    """Return the SVG with variables for its colours; a program that knows none draws black."""
    names = {colour: f"var(--c{number})" for number, colour in enumerate(_DARK)}
    light = ";".join(f"--c{number}:{colour}" for number, colour in enumerate(_DARK))
    dark = ";".join(f"--c{number}:{colour}" for number, colour in enumerate(_DARK.values()))
    body = re.sub("|".join(_DARK), lambda found: names[found[0]], svg[svg.index("<svg") :])
    style = f"<style>svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    # No prologue: it names the address of a document type, and nothing here names an address but the namespaces.
    return "\n".join(line.rstrip() for line in body.replace(">", ">" + style, 1).splitlines()) + "\n"


def _line(number: int) -> dict[str, Any]:
    return {"color": _SERIES[number % len(_SERIES)], "linestyle": _DASHES[number % len(_DASHES)]}


def _title(row: Mapping[str, Any]) -> str:
    return f"{row['source']} ({row['positives']} + {row['negatives']})"


def _overview(figure: matplotlib.figure.Figure, rows: Sequence[Mapping[str, Any]]) -> None:
    axes = figure.subplots()
    places = np.arange(len(rows))[::-1].astype(float)
    _points(axes, [row["auroc"] for row in rows], places + 0.14, 0, "o", "network")
    _points(axes, [control(row) for row in rows], places - 0.14, 1, "s", "control: borders and brightness")
    axes.axvline(0.5, color=_SOFT, linestyle=":", linewidth=1)
    axes.set_yticks(places, [f"{row['question']}: {_title(row)}" for row in rows])
    lows = [found["low"] for row in rows for found in (row["auroc"], control(row)) if found and found["estimate"]]
    axes.set(xlim=(min(0.4, *lows) - 0.02, 1.01), ylim=(-0.6, len(rows) - 0.4))
    axes.set_xlabel("AUROC with 95 % interval; dotted: chance")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)


def _points(
    axes: matplotlib.axes.Axes,
    values: Sequence[Any],
    places: NDArray[np.float64],
    number: int,
    marker: str,
    label: str,
) -> None:
    told = [(value, place) for value, place in zip(values, places, strict=True) if value and value["estimate"]]
    x = np.asarray([value["estimate"] for value, _ in told])
    reach = np.asarray([[value["estimate"] - value["low"], value["high"] - value["estimate"]] for value, _ in told])
    axes.errorbar(
        x,
        [place for _, place in told],
        xerr=reach.T.clip(0) if told else None,
        fmt=marker,
        color=_SERIES[number],
        capsize=3,
        markersize=6,
        label=label,
    )


def _roc(figure: matplotlib.figure.Figure, asked: Sequence[Question], looks: _Looks) -> None:
    axes = figure.subplots()
    for question in asked:
        number = looks[question.source]
        false_alarms, found = roc_curve(question.truth, question.scores)
        axes.plot(false_alarms, found, **_line(number), label=_of_question(question))
        point = question.called[~question.truth].mean(), question.called[question.truth].mean()
        axes.plot(*point, marker="o", color=_SERIES[number % len(_SERIES)], markersize=6, linestyle="none")
    axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=0.8, linestyle=":")
    _square(figure, axes, "1 - specificity", "sensitivity")


def _precision_recall(figure: matplotlib.figure.Figure, asked: Sequence[Question], looks: _Looks) -> None:
    axes = figure.subplots()
    for question in asked:
        number = looks[question.source]
        recall, precision = precision_recall_curve(question.truth, question.scores)
        axes.plot(recall, precision, **_line(number), drawstyle="steps-pre", label=_of_question(question))
        axes.axhline(question.truth.mean(), color=_SERIES[number % len(_SERIES)], linewidth=0.6, linestyle=":")
    _square(figure, axes, "sensitivity", "positive predictive value")


def _reliability(figure: matplotlib.figure.Figure, rows: Sequence[Mapping[str, Any]], looks: _Looks) -> None:
    axes = figure.subplots()
    for row in rows:
        number = looks[row["source"]]
        points = [point for point in row["reliability"] if point["count"] >= _FEWEST_PER_BIN]
        x, y = [point["probability"] for point in points], np.asarray([point["observed"] for point in points])
        bounds = [share_interval(round(point["observed"] * point["count"]), point["count"]) for point in points]
        reach = np.asarray([[seen - bound.low, bound.high - seen] for seen, bound in zip(y, bounds, strict=True)])
        axes.errorbar(
            x,
            y,
            yerr=reach.T.clip(0) if points else None,
            **_line(number),
            marker="o",
            markersize=3,
            elinewidth=0.6,
            label=_title(row),
        )
    axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=0.8, linestyle=":")
    _square(figure, axes, "mean probability of the bin", "observed share")


def _decision_curve(figure: matplotlib.figure.Figure, rows: Sequence[Mapping[str, Any]], looks: _Looks) -> None:
    axes = figure.subplots()
    highest = 0.0
    for row in rows:
        number = looks[row["source"]]
        points = row.get("decision_curve", [])
        x, y = [point["threshold"] for point in points], [point["net_benefit"] for point in points]
        axes.plot(x, y, **_line(number), label=_title(row))
        everybody = [point["treat_all"] for point in points]
        axes.plot(x, everybody, color=_SERIES[number % len(_SERIES)], linewidth=0.6, linestyle=":")
        highest = max([highest, *y])
    axes.axhline(0, color=_SOFT, linewidth=0.8)
    axes.set(xlim=(0, 1), ylim=(-0.1 * max(highest, 0.1), 1.05 * max(highest, 0.1)))
    axes.set(xlabel="threshold probability", ylabel="net benefit per case")
    _legend_below(figure, axes)


def _risk_coverage(figure: matplotlib.figure.Figure, rows: Sequence[Mapping[str, Any]], looks: _Looks) -> None:
    axes = figure.subplots()
    for row in rows:
        number = looks[row["source"]]
        points = row["risk_coverage"]["points"]
        axes.plot(
            [point["coverage"] for point in points],
            [point["risk"] for point in points],
            **_line(number),
            label=_title(row),
        )
    axes.set(xlim=(0, 1.01), xlabel="share of cases answered, surest first", ylabel="share of wrong decisions")
    axes.set_ylim(bottom=0)
    _legend_below(figure, axes)


def _histograms(figure: matplotlib.figure.Figure, rows: Sequence[Mapping[str, Any]], looks: _Looks) -> None:
    for axes, row in zip(figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0], rows, strict=True):
        for number, (side, sign) in enumerate((("positives", 1), ("negatives", -1))):
            counts = np.asarray(row["histogram"][side])
            edges = np.linspace(0, 1, len(counts) + 1)
            share = sign * counts / max(counts.sum(), 1)
            label = "present" if sign > 0 else "absent"
            axes.stairs(share, edges, fill=True, alpha=0.55, color=_SERIES[number], label=label)
            axes.stairs(share, edges, color=_SERIES[number], linewidth=1)
        axes.axhline(0, color=_INK, linewidth=0.6)
        axes.axvline(row["threshold"], color=_INK, linestyle="--", linewidth=1, label="threshold")
        axes.yaxis.set_major_formatter(lambda value, place: f"{abs(value):.1g}")
        axes.set_title(_title(row), fontsize=10, loc="left")
        axes.set(xlim=(0, 1), ylabel="share")
    axes.set_xlabel("probability")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3)


def _robustness(figure: matplotlib.figure.Figure, curves: Sequence[Mapping[str, Any]], looks: _Looks) -> None:
    grid = figure.subplots(-(-len(curves) // 4), 4, sharey=True, squeeze=False)
    for axes in grid.flat[len(curves) :]:
        axes.set_visible(False)
    for axes, curve in zip(grid.flat, curves, strict=False):
        for number, (name, label) in enumerate(
            (("auroc", "AUROC"), ("sensitivity", "sensitivity"), ("specificity", "specificity"))
        ):
            told = [(level["value"], level[name]) for level in curve["levels"] if level[name]["estimate"] is not None]
            x = [value for value, _ in told]
            axes.plot(x, [found["estimate"] for _, found in told], **_line(number), marker=".", label=label)
            low, high = [found["low"] for _, found in told], [found["high"] for _, found in told]
            axes.fill_between(x, low, high, color=_SERIES[number], alpha=0.15, linewidth=0)
        axes.set_title(curve["corruption"], fontsize=10, loc="left")
        axes.set(xlabel=curve["unit"], ylim=(0, 1.02))
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)


def _of_question(question: Question) -> str:
    positives = int(question.truth.sum())
    return f"{question.source} ({positives} + {question.truth.size - positives})"


def _square(figure: matplotlib.figure.Figure, axes: matplotlib.axes.Axes, x: str, y: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal", xlabel=x, ylabel=y)
    _legend_below(figure, axes)


def _legend_below(figure: matplotlib.figure.Figure, axes: matplotlib.axes.Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left")  # there it hides no curve
