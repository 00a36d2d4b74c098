"""What the planner draws is what the plan says."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from radiolens.evaluation.cut_offs import Practice
from radiolens.evaluation.plan_steps import PlanSteps, offered_steps
from radiolens.web.administration.curves import HEIGHT, MEASURES, WIDTH, draw
from tests.evaluation.test_threshold_plan import local


@pytest.fixture(scope="module")
def plan() -> PlanSteps:
    return offered_steps(local(30, 50), Practice(0.1))


def ends(path: str) -> list[tuple[float, float]]:
    """Return the corners of a path of steps."""
    x = y = 0.0
    corners = []
    for kind, text in re.findall(r"([MLHV])([-\d. ]+)", path):
        numbers = [float(word) for word in text.split()]
        if kind in "ML":
            x, y = numbers
        elif kind == "H":
            (x,) = numbers
        else:
            (y,) = numbers
        corners.append((x, y))
    return corners


def test_a_curve_steps_through_the_figures_of_every_step(plan: PlanSteps) -> None:
    drawn = draw(plan)
    assert drawn.steps[0].x == 0
    assert drawn.steps[-1].x == WIDTH
    for name in MEASURES:
        corners = ends(drawn.curves[name].line)
        for step, place in zip(plan.steps, drawn.steps, strict=True):
            estimate = getattr(step, name).estimate
            if estimate == estimate:
                expected = HEIGHT * (1 - estimate)
                assert place.y[name] == pytest.approx(expected, abs=0.06)
                assert any(abs(x - place.x) < 0.11 and abs(y - expected) < 0.06 for x, y in corners), name


def test_a_band_holds_its_line(plan: PlanSteps) -> None:
    drawn = draw(plan)
    corners = ends(drawn.curves["sensitivity"].band)
    half = len(corners) // 2
    assert all(high[1] <= low[1] for high, low in zip(corners[:half], reversed(corners[half:]), strict=True))
    assert drawn.curves["sensitivity"].band.endswith("Z")


def test_the_ticks_stand_apart_and_in_order(plan: PlanSteps) -> None:
    places = [tick.x for tick in draw(plan).ticks]
    assert len(places) > 2
    assert all(second - first >= 44 for first, second in pairwise(places))
    assert "50 %" in [tick.text for tick in draw(plan).ticks]


def test_each_step_is_told_in_words(plan: PlanSteps) -> None:
    step = draw(plan).steps[3]
    found = plan.steps[3]
    assert step.texts["sensitivity"].startswith(f"{100 * found.sensitivity.estimate:.1f} % (")
    assert step.texts["missed"] == f"{found.missed_per_1000:.1f}"
    assert step.said.startswith(f"Threshold {100 * found.threshold:.2f} %: sensitivity ")
    x, y = step.roc
    assert (x / HEIGHT, 1 - y / HEIGHT) == pytest.approx(
        (1 - found.specificity.estimate, found.sensitivity.estimate), abs=1e-3
    )
