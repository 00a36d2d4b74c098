"""The plots of a search as SVG text for an HTML page; their colours are names that the page's style sheet sets."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from radiolens.training.tuning.search import Choice, LogUniform, Range
from radiolens.training.tuning.trials import Ending, Place, shown

__all__ = ["history_plot", "importance_plot", "learning_curves", "slice_plot"]

_INK, _SERIES, _PRUNED, _BEST = "#010203", "#040506", "#070809", "#0a0b0c"
_COLOURS = {_INK: "--ink", _SERIES: "--series", _PRUNED: "--pruned", _BEST: "--best"}
"""Colours that stand for a variable of the style sheet, so that the plots follow the page into the dark."""

_WIDTH = 7.0
"""Inches, at which the text of a plot is as large as that of the page."""

_LETTERS = 16
"""Of the options of a choice, beyond which they would run into one another below a panel."""

_COLUMNS = 3
"""Panels of the slice plot in a row: more would make their ticks touch."""


def history_plot(places: Sequence[Place]) -> str:
    """Return validation loss by trial, with the best finished one so far as a line."""
    figure = Figure(figsize=(_WIDTH, 3.2), layout="constrained")
    axes = _plain(figure.subplots())
    _points(axes, places, [place.number for place in places])
    finished = [place for place in places if place.ending is Ending.FINISHED]
    best = np.minimum.accumulate([place.loss or 0.0 for place in finished])
    numbers = [place.number for place in finished]
    if finished:  # the line reaches to the last trial
        axes.step([*numbers, len(places)], [*best, best[-1]], where="post", color=_BEST, label="best so far")
    axes.set(xlabel="trial", ylabel="validation loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    return _svg(figure, "history", "Validation loss by trial")


def learning_curves(places: Sequence[Place], best: Place | None) -> str:
    """Return validation loss by epoch, a line for each trial; those stopped early are dashed and end in a cross."""
    figure = Figure(figsize=(_WIDTH, 3.2), layout="constrained")
    axes = _plain(figure.subplots())
    stopped = [place for place in places if place.ending is Ending.STOPPED_EARLY]
    for label, style, colour, drawn in (
        ("stopped early", "--x", _PRUNED, stopped),
        ("others", "-o", _SERIES, [place for place in places if place not in stopped and place != best]),
        ("best", "-o", _BEST, [best] if best else []),
    ):
        axes.plot([], [], style, color=colour, label=label, markersize=5)
        for place in drawn:
            epochs = sorted(place.losses)
            losses = [place.losses[epoch] for epoch in epochs]
            axes.plot([epoch + 1 for epoch in epochs], losses, style, color=colour, markersize=5, markevery=[-1])
    axes.set(xlabel="epoch", ylabel="validation loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    return _svg(figure, "curves", "Validation loss by epoch for each trial")


def importance_plot(importance: Mapping[str, float]) -> str:
    """Return bars of the shares (0 to 1) of the values of a search, the largest on top."""
    figure = Figure(figsize=(_WIDTH, 0.9 + 0.35 * len(importance)), layout="constrained")
    axes = _plain(figure.subplots())
    names = sorted(importance, key=lambda name: importance[name])
    bars = axes.barh(names, [importance[name] for name in names], color=_SERIES, height=0.6)
    axes.bar_label(bars, [f"{importance[name]:.2f}" for name in names], padding=3, color=_INK)
    axes.set(xlabel="share of the variance of the validation loss", xlim=(0, 1.08))
    return _svg(figure, "importance", "Importance of each value")


def slice_plot(places: Sequence[Place], space: Mapping[str, Range]) -> str:
    """Return a panel for each value of a search: validation loss against it."""
    columns = 2 if len(space) == 4 else min(_COLUMNS, len(space))
    rows = -(-len(space) // columns)
    figure = Figure(figsize=(_WIDTH, 2.5 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for panel, (name, allowed) in zip(panels, space.items(), strict=False):
        _slice(_plain(panel), [place for place in places if name in place.values], name, allowed)
    for panel in panels[len(space) :]:
        panel.remove()
    for panel in panels[::columns]:
        panel.set_ylabel("validation loss")
    return _svg(figure, "slices", "Validation loss against each value")


def _slice(axes: Axes, places: Sequence[Place], name: str, allowed: Range) -> None:
    axes.set_xlabel(name)
    found = [place.values[name] for place in places]
    if isinstance(allowed, Choice):
        labels = list(allowed.by_label())
        _points(axes, places, [labels.index(str(value)) for value in found])
        slanted = sum(map(len, labels)) > _LETTERS
        axes.set_xticks(range(len(labels)), [shown(label) for label in labels])
        if slanted:
            axes.tick_params(axis="x", labelrotation=20)
            for tick in axes.get_xticklabels():
                tick.set(ha="right", rotation_mode="anchor")
        axes.set_xlim(-0.5, len(labels) - 0.5)
        return
    _points(axes, places, [float(str(value)) for value in found])
    if isinstance(allowed, LogUniform):
        axes.set_xscale("log")


def _points(axes: Axes, places: Sequence[Place], positions: Sequence[float]) -> None:
    """Draw finished trials as discs and those stopped early as crosses; others have no loss yet."""
    for ending, marker, colour in ((Ending.FINISHED, "o", _SERIES), (Ending.STOPPED_EARLY, "x", _PRUNED)):
        drawn = [
            (position, place.loss)
            for position, place in zip(positions, places, strict=True)
            if place.ending is ending and place.loss is not None
        ]
        label = "finished" if ending is Ending.FINISHED else "stopped early (its last loss)"
        axes.plot(*zip(*drawn, strict=True) if drawn else ([], []), marker, color=colour, markersize=5, label=label)


def _plain(axes: Axes) -> Axes:
    """Give axes the page's ink and no box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_INK)
    axes.tick_params(which="both", colors=_INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(_INK)
    return axes


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, labelcolor=_INK, fontsize="small")


def _svg(figure: Figure, name: str, label: str) -> str:
    """Return the svg element alone; its ids begin with `name`, since a page holds several. `label` names it aloud."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):  # the same trials give the same text
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = f'<svg role="img" aria-label="{label}"' + text[text.index("<svg") + len("<svg") :]
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    for colour, variable in _COLOURS.items():
        text = text.replace(colour, f"var({variable})")
    return text
