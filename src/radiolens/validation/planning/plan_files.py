"""Files of a planned threshold: plan.json, a picture of its curves, and the profile that `radiolens predict` takes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib.axes
import matplotlib.figure
import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.cut_offs import CutOff
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.plan_profile import Subject, profile_of
from radiolens.evaluation.threshold_plan import ThresholdPlan
from radiolens.inference.profile_file import extended, write_profile
from radiolens.profile import Profile
from radiolens.validation.results import plain_json

__all__ = ["plan_json", "write_plan"]

_INCHES = (13.0, 5.5)
"""Two axes side by side, readable at the width of a screen."""


_EDGE = 1e-4
"""Where the axis of cut-offs begins and, mirrored, ends: 0 and 1 have no logit."""


def plan_json(subject: Subject, plan: ThresholdPlan) -> dict[str, object]:
    """Return a plan as an object for JSON, every cut-off with it; what is not defined is null."""
    content = plain_json(plan)
    assert isinstance(content, dict)  # noqa: S101  a dataclass is an object
    shortfalls = [
        {**entry, "missing": own.missing} for entry, own in zip(content["shortfalls"], plan.shortfalls, strict=True)
    ]
    told = {
        "bundle": plain_json(subject.bundle),
        "label": subject.label,
        "site": subject.site,
        "origin": subject.origin,
        "day": subject.day,
        "command": subject.command,
    }
    return {**told, **content, "shortfalls": shortfalls, "remarks": [*plan.remarks, *subject.remarks]}


def write_plan(subject: Subject, plan: ThresholdPlan, folder: Path, extend: Profile | None = None) -> tuple[Path, ...]:
    """Write plan.json, plan.png and profile.json to a folder, and return their paths.

    With `extend`, profile.json also holds the thresholds of that profile. Raises BundleError, before anything is
    written, if it is for another bundle.
    """
    profile = profile_of(subject, plan)
    if extend is not None:
        profile = extended(extend, profile)
    folder.mkdir(parents=True, exist_ok=True)
    file, picture, thresholds = folder / "plan.json", folder / "plan.png", folder / "profile.json"
    unfinished = file.with_suffix(".partial")
    unfinished.write_text(json.dumps(plan_json(subject, plan), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(unfinished, file)
    _draw(subject, plan, picture)
    write_profile(profile, thresholds)
    return file, picture, thresholds


def _draw(subject: Subject, plan: ThresholdPlan, file: Path) -> None:
    figure = matplotlib.figure.Figure(figsize=_INCHES, layout="constrained")
    left, right = figure.subplots(1, 2)
    # Probabilities crowd at both ends, where the cut-offs of interest often lie: a logit axis parts them.
    thresholds, chosen = (np.clip(values, _EDGE, 1 - _EDGE) for values in (_thresholds(plan), plan.chosen.threshold))
    for axes, names in ((left, ("sensitivity", "specificity")), (right, ("ppv", "npv"))):
        for name in names:
            _band(axes, thresholds, plan.cut_offs, name)
        axes.axvline(chosen, color="black", linewidth=1, label=f"chosen: {plan.chosen.threshold:.4g}")
        axes.set_xscale("logit", one_half="0.5")
        axes.set(xlabel="cut-off", ylim=(0, 1.01))
    left.set(title=f"{subject.label}, {subject.site}: {plan.positives} with, {plan.negatives} without")
    right.set(title=f"at a prevalence of {plan.practice.prevalence:.1%}")
    if plan.practice.has_costs:
        _draw_cost(right, thresholds, plan.cut_offs)
    for axes in (left, right):
        axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)  # below: on no curve
    figure.savefig(file, dpi=120, bbox_inches="tight")


def _thresholds(plan: ThresholdPlan) -> NDArray[np.float64]:
    return np.asarray([entry.threshold for entry in plan.cut_offs], np.float64)


def _band(axes: matplotlib.axes.Axes, thresholds: NDArray[np.float64], cut_offs: Sequence[CutOff], name: str) -> None:
    intervals: list[Interval] = [getattr(entry, name) for entry in cut_offs]
    title = name.upper() if len(name) == 3 else name
    (line,) = axes.plot(thresholds, [entry.estimate for entry in intervals], drawstyle="steps-pre", label=title)
    low, high = ([getattr(entry, end) for entry in intervals] for end in ("low", "high"))
    axes.fill_between(thresholds, low, high, step="pre", alpha=0.2, linewidth=0, color=line.get_color())


def _draw_cost(axes: matplotlib.axes.Axes, thresholds: NDArray[np.float64], cut_offs: Sequence[CutOff]) -> None:
    """Draw the cost on an axis of its own, from 0 on."""
    beside = axes.twinx()
    costs = np.asarray([entry.cost_per_1000 for entry in cut_offs])
    (line,) = beside.plot(thresholds, costs, color="grey", linestyle="--", drawstyle="steps-pre")
    line.set_label("cost per 1000 patients (right)")
    beside.set(ylabel="cost per 1000 patients", ylim=(0, max(float(costs.max()) * 1.05, 1e-9)))
    axes.plot([], [], color="grey", linestyle="--", label="cost per 1000 patients (right)")
