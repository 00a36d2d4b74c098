"""The planner's curves as paths of SVG, and what stands beside them at each step of the slider.

Nothing is computed in the browser: each step comes with its figures as texts in the reader's language, and with the
places of its marks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, log
from typing import TYPE_CHECKING

from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import number, percent

if TYPE_CHECKING:  # loaded when it is first used, since it brings scipy
    from radiolens.evaluation import CutOff, Interval, PlanSteps

__all__ = ["FIGURES", "HEIGHT", "MEASURES", "WIDTH", "Curve", "Curves", "Step", "Tick", "draw", "shown"]

WIDTH, HEIGHT = 600.0, 260.0
"""Of the area of a curve, in units of the drawing. The ROC curve is a square of HEIGHT."""

_EDGE = 1e-4
"""Where the axis of thresholds begins and, mirrored, ends: 0 and 1 have no logit."""

_TICKS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
_CLOSEST = 44.0
"""Units between two ticks, the width of the longest text."""

MEASURES = ("sensitivity", "specificity", "ppv", "npv")
"""The attributes of a cut-off that are drawn."""

FIGURES = {
    "threshold": N_("Threshold"),
    "sensitivity": N_("Sensitivity: found among those who have it"),
    "specificity": N_("Specificity: left alone among those who do not"),
    "ppv": N_("Positive predictive value: have it among those called"),
    "npv": N_("Negative predictive value: do not have it among those not called"),
    "tests": N_("Called patients to confirm for one who has it"),
    "called": N_("Called, of 1000 patients"),
    "missed": N_("Missed, of 1000 patients"),
}
"""What is told of a step, in this order."""


@dataclass(frozen=True)
class Tick:
    """A place on the axis of thresholds with its text."""

    x: float
    text: str


@dataclass(frozen=True)
class Curve:
    """One measure over the thresholds: the path of its line, and of the band of its interval."""

    line: str
    band: str


@dataclass(frozen=True)
class Step:
    """One place of the slider: where its marks stand (`y` by measure, `roc` in the square), and its texts.

    `said` is what a screen reader says of the slider.
    """

    x: float
    y: dict[str, float]
    roc: tuple[float, float]
    texts: dict[str, str]
    said: str


@dataclass(frozen=True)
class Curves:
    """All that the page draws: curves by measure, the ROC curve's path, the ticks, and the steps."""

    curves: dict[str, Curve]
    roc: str
    ticks: tuple[Tick, ...]
    steps: tuple[Step, ...]


def draw(plan: PlanSteps) -> Curves:
    """Return the curves of the steps, thresholds on a logit axis, since probabilities crowd at both ends."""
    place = _axis([step.threshold for step in plan.steps])
    return Curves(
        curves={name: _curve(plan.steps, name, place) for name in MEASURES},
        roc="M" + " L".join(f"{HEIGHT * x:.1f} {HEIGHT * (1 - y):.1f}" for x, y in plan.roc.tolist()),
        ticks=tuple(_ticks(place)),
        steps=tuple(_step(step, place) for step in plan.steps),
    )


def shown(interval: Interval) -> str:
    """Return a share with its interval as percentages, a dash where it is not defined."""
    if not isfinite(interval.estimate):
        return "-"
    ends = {"low": percent(interval.low, 1), "high": percent(interval.high, 1)}
    return _("%(share)s (%(low)s to %(high)s)", share=percent(interval.estimate, 1), **ends)


def _axis(thresholds: Sequence[float]) -> Callable[[float], float]:
    """Return the function from a threshold to its x; what lies outside of the steps is not within 0 and WIDTH."""
    low, high = _logit(thresholds[0]), _logit(thresholds[-1])
    span = max(high - low, 1e-9)
    return lambda threshold: WIDTH * (_logit(threshold) - low) / span


def _logit(value: float) -> float:
    clipped = min(max(value, _EDGE), 1 - _EDGE)
    return log(clipped / (1 - clipped))


def _ticks(place: Callable[[float], float]) -> list[Tick]:
    found: list[Tick] = []
    for value in _TICKS:
        x = place(value)
        if 0 <= x <= WIDTH and (not found or x - found[-1].x >= _CLOSEST):
            found.append(Tick(round(x, 1), percent(value, 1 if value < 0.01 or value > 0.99 else 0)))
    return found


def _curve(steps: Sequence[CutOff], name: str, place: Callable[[float], float]) -> Curve:
    intervals: list[tuple[float, Interval]] = [(place(step.threshold), getattr(step, name)) for step in steps]
    drawn = [(x, entry) for x, entry in intervals if isfinite(entry.estimate)]
    if not drawn:
        return Curve("", "")
    line = _steps([(x, entry.estimate) for x, entry in drawn])
    low = [(x, entry.low) for x, entry in drawn]
    high = [(x, entry.high) for x, entry in drawn]
    back = _steps(list(reversed(low)), back=True)
    return Curve(line, f"{_steps(high)} L{back[1:]} Z")


def _steps(points: Sequence[tuple[float, float]], *, back: bool = False) -> str:
    """Return a path of steps: what holds at a threshold holds from the one before it on."""
    x, y = points[0]
    parts = [f"M{x:.1f} {_y(y):.1f}"]
    for x, y in points[1:]:
        parts.append(f"H{x:.1f} V{_y(y):.1f}" if back else f"V{_y(y):.1f} H{x:.1f}")
    return " ".join(parts)


def _y(share: float) -> float:
    return HEIGHT * (1 - share)


def _step(step: CutOff, place: Callable[[float], float]) -> Step:
    intervals: dict[str, Interval] = {name: getattr(step, name) for name in MEASURES}
    tests = step.number_needed_to_test.estimate
    texts = {
        "threshold": percent(step.threshold, 2),
        **{name: shown(entry) for name, entry in intervals.items()},
        "tests": number(tests, 1) if isfinite(tests) else "-",
        "called": number(step.called_per_1000, 0),
        "missed": number(step.missed_per_1000, 1),
    }
    return Step(
        x=round(place(step.threshold), 1),
        y={name: round(_y(entry.estimate), 1) for name, entry in intervals.items() if isfinite(entry.estimate)},
        roc=(round(HEIGHT * (1 - step.specificity.estimate), 1), round(_y(step.sensitivity.estimate), 1)),
        texts=texts,
        said=_(
            "Threshold %(threshold)s: sensitivity %(sensitivity)s, specificity %(specificity)s",
            threshold=texts["threshold"],
            sensitivity=percent(step.sensitivity.estimate, 1),
            specificity=percent(step.specificity.estimate, 1),
        ),
    )
