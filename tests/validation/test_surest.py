"""The surest decisions beside all."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from radiolens.validation.plan import Plan
from radiolens.validation.surest import surest_errors

PLAN = Plan(seed=1, resamples=200)


def test_the_errors_among_the_surest_are_a_share_of_all() -> None:
    # Eight of the ten errors lie among the 20 least sure of 100.
    confidence = np.arange(100, dtype=float)
    wrong = np.isin(np.arange(100), [*range(8), 50, 60])
    found = surest_errors(wrong, confidence, np.arange(100), PLAN)
    assert (found.coverage, found.kept, found.all) == (0.8, 2 / 80, 0.1)
    assert found.ratio.estimate == pytest.approx(0.25)
    assert 0.0 <= found.ratio.low < 0.25 < found.ratio.high


def test_the_interval_holds_1_as_often_as_it_says_where_confidence_tells_nothing(rng: np.random.Generator) -> None:
    def holds() -> bool:
        ratio = surest_errors(rng.random(300) < 0.2, rng.random(300), np.arange(300), PLAN).ratio
        return ratio.low <= 1.0 <= ratio.high

    # Three standard errors of 0.95 in 200 runs.
    assert np.mean([holds() for _ in range(200)]) == pytest.approx(0.95, abs=0.046)


def test_without_an_error_or_with_too_few_cases_there_is_no_ratio() -> None:
    perfect = surest_errors(np.zeros(50, bool), np.arange(50.0), np.arange(50), PLAN)
    assert (perfect.kept, perfect.all, perfect.ratio.method) == (0.0, 0.0, "no errors")
    assert isnan(perfect.ratio.estimate)
    few = surest_errors(np.ones(9, bool), np.arange(9.0), np.arange(9), PLAN)
    assert (few.all, few.ratio.method) == (1.0, "too few cases")


def test_images_of_a_patient_are_drawn_together(rng: np.random.Generator) -> None:
    wrong, confidence = np.repeat(rng.random(40) < 0.3, 10), np.repeat(rng.random(40), 10)
    alone, together = (
        surest_errors(wrong, confidence, groups, PLAN).ratio for groups in (np.arange(400), np.arange(400) // 10)
    )
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
