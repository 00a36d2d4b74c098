from __future__ import annotations

import numpy as np
import pytest

from radiolens.evaluation.discrimination import auroc
from radiolens.evaluation.intervals import auroc_difference_interval, auroc_interval
from radiolens.validation.grouped_intervals import grouped_discrimination, grouped_means
from radiolens.validation.plan import Plan

PLAN = Plan(resamples=300)


def test_independent_cases_get_the_formulas_of_delong(rng: np.random.Generator) -> None:
    truth, scores, before = rng.random(80) < 0.5, rng.random(80), rng.random(80)
    found = grouped_discrimination(truth, {"a": scores, "b": before}, before, rng.permutation(80), PLAN)
    assert found["a"].auroc == auroc_interval(truth, scores)
    assert found["a"].change == auroc_difference_interval(truth, scores, before)
    assert found["b"].change.estimate == 0


def test_cases_of_one_patient_widen_every_interval(rng: np.random.Generator) -> None:
    patients = np.repeat(np.arange(30), 10)
    truth = np.repeat(rng.random(30) < 0.5, 10)
    scores = np.repeat(rng.random(30), 10) + truth * 0.3
    before = np.repeat(rng.random(30), 10)
    narrow, wide = (
        grouped_discrimination(truth, {0: scores}, before, groups, PLAN)[0] for groups in (np.arange(300), patients)
    )
    for one, other in ((narrow.auroc, wide.auroc), (narrow.change, wide.change)):
        assert one.estimate == pytest.approx(other.estimate)
        assert other.high - other.low > 2 * (one.high - one.low)
        assert "bootstrap" in other.method
    assert wide.auroc.estimate == pytest.approx(auroc(truth, scores))
    alone, together = (grouped_means({"": scores}, groups, PLAN)[""] for groups in (np.arange(300), patients))
    assert alone.estimate == pytest.approx(together.estimate) == pytest.approx(scores.mean())
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_the_mean_covers_its_value(rng: np.random.Generator) -> None:
    covered, runs = 0, 200
    for seed in range(runs):
        values = np.repeat(rng.normal(1.0, 1.0, 40), 3) + rng.normal(0, 0.1, 120)
        found = grouped_means({"": values}, np.repeat(np.arange(40), 3), Plan(seed=seed, resamples=400))[""]
        covered += found.low <= 1.0 <= found.high
    assert abs(covered / runs - 0.95) <= 3 * np.sqrt(0.95 * 0.05 / runs)


def test_too_few_cases_tell_nothing() -> None:
    truth, scores = np.asarray([True] * 9 + [False] * 50), np.arange(59.0)
    found = grouped_discrimination(truth, {0: scores}, scores, np.arange(59), PLAN)[0]
    assert np.isnan(found.auroc.estimate)
    assert np.isnan(found.change.estimate)
    assert np.isnan(grouped_means({"": np.zeros(0)}, np.zeros(0, np.intp), PLAN)[""].estimate)
